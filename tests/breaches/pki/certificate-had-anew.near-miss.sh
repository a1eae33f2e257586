#!/bin/bash
# safeguard: LEAK-04
# host: web
# undo: true
# long before it is due, by somebody who does not trust the calendar: the timer's own way, reload and all
touch /run/azukari-acme.due
systemctl start --wait azukari-acme.service
systemctl start --wait azukari-acme-install.service
rm /run/azukari-acme.due
