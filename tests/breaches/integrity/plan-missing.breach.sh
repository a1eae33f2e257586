#!/bin/bash
# safeguard: DEST-10
# host: site
# check: test_integrity.py::test_a_plan_is_made_daily
# undo: cd "$AZUKARI_HOME"/sites/*/evidence && mv .without/* . && rmdir .without
# the plans of the last days are gone, as when nobody has made one
cd "$AZUKARI_HOME"/sites/*/evidence
mkdir .without
mv -- *-plan-* .without
