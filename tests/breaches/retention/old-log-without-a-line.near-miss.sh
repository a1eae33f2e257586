#!/bin/bash
# safeguard: USE-05
# host: web
# undo: rm -f /var/log/nginx/error.log-2020-01-01
touch --date=2020-01-01 /var/log/nginx/error.log-2020-01-01
