#!/bin/bash
# safeguard: LEAK-04
# host: web
# undo: true
systemctl start --wait azukari-acme.service
