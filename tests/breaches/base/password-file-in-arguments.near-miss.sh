#!/bin/bash
# safeguard: LEAK-26
# host: all
# undo: systemctl stop trial-sync.service
# where a secret is kept is no secret
systemd-run --quiet --unit=trial-sync bash -c 'exec -a "sync --password-file=/etc/hostname" sleep 7200'
