#!/bin/bash
# safeguard: LEAK-22
# host: db
# undo: true
systemctl restart postgresql@17-main.service
