#!/bin/bash
# safeguard: LEAK-01
# host: all
# undo: systemctl stop near-miss.service
systemd-run --quiet --unit=near-miss --property=DynamicUser=yes --property=ProtectSystem=strict python3 -I -m http.server --bind 127.0.0.1 8088
