#!/bin/bash
# safeguard: DEST-10
# host: all
# with: plan
# alone: yes
# undo: rm /etc/motd.trial
# nothing declares this file, so it is no drift
echo 'maintenance on Sunday' > /etc/motd.trial
