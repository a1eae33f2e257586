#!/bin/bash
# safeguard: USE-02
# host: app
# undo: true
systemctl reload azukari-site.service
