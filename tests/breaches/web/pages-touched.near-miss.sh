#!/bin/bash
# safeguard: DEST-07
# host: web
# undo: true
# another time of change, the same bytes
find /srv/azukari/release -type f -exec touch {} +
