#!/bin/bash
# safeguard: LOSS-10
# host: db
# undo: true
systemctl restart chrony.service
timeout 40 chronyc waitsync 20 0.1 0 2 >/dev/null || true
systemctl start azukari-clock.service
