#!/bin/bash
# safeguard: DEST-10
# host: all
# with: plan
# undo: rm -r /var/log/sudo-io/tanaka
# what a person did with sudo is kept, as declared: no plan takes it away
mkdir -p /var/log/sudo-io/tanaka/00/00/01
echo 'total 0' | gzip >/var/log/sudo-io/tanaka/00/00/01/stdout
