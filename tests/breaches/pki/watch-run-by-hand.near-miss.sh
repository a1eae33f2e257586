#!/bin/bash
# safeguard: LEAK-04
# host: all
# undo: true
systemctl start azukari-certificate-age.service
