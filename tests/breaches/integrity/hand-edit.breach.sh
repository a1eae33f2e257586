#!/bin/bash
# safeguard: DEST-10
# host: all
# check: test_integrity.py::test_no_drift
# with: plan
# alone: yes
# tags: base
# took: grep -q 192.0.2.1 /etc/hosts
echo '192.0.2.1 mirror' >> /etc/hosts
