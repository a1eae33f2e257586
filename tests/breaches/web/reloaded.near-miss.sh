#!/bin/bash
# safeguard: LEAK-07
# host: web
# undo: true
systemctl reload nginx.service
