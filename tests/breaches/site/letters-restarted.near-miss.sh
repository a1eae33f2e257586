#!/bin/bash
# safeguard: LEAK-21
# host: mail
# undo: true
# The service that opens addresses begins anew, with the same key.
systemctl restart azukari-letters.service
