#!/bin/bash
# safeguard: DEST-08
# host: all
# undo: rm /etc/trial.list
# a text outside packages is no program
echo 'a list' > /etc/trial.list
