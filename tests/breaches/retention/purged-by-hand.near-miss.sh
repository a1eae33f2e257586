#!/bin/bash
# safeguard: USE-05
# host: db
# undo: true
systemctl start --wait azukari-retention-db.service
