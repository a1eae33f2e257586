#!/bin/bash
# safeguard: LOSS-11
# host: app
# undo: true
systemctl kill --kill-whom=main --signal=KILL azukari-site.service
sleep 2
for _ in {1..100}; do systemctl is-active --quiet azukari-site.service && exit; sleep 0.1; done
exit 1
