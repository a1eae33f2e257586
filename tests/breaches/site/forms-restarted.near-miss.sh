#!/bin/bash
# safeguard: LEAK-20
# host: app
# undo: true
systemctl restart azukari-site.service
