#!/bin/bash
# safeguard: LEAK-01
# host: all
# undo: true
systemctl restart nftables.service
