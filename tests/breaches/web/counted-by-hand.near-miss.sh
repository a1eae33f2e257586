#!/bin/bash
# safeguard: USE-08
# host: web
# undo: true
systemctl start --wait azukari-domains.service
