#!/bin/bash
# safeguard: LEAK-19
# host: all
# undo: userdel trial-service
# what installing a package does
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin trial-service
