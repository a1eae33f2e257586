#!/bin/bash
# safeguard: LOSS-09
# host: db
# undo: true
systemctl reload postgresql@17-main.service
