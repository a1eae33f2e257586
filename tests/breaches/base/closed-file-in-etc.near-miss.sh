#!/bin/bash
# safeguard: LEAK-27
# host: all
# undo: rm -r /etc/trial.conf /srv/trial
install -m 0640 /dev/null /etc/trial.conf
# everybody may add here, and nobody may remove what is another's
install -d -m 1777 /srv/trial
