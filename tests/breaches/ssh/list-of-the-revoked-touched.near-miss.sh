#!/bin/bash
# safeguard: LEAK-14
# host: all
# undo: true
touch /etc/ssh/azukari/revoked.krl
