#!/bin/bash
# safeguard: LOSS-11
# host: db
# undo: true
systemctl restart postgresql@17-main.service
