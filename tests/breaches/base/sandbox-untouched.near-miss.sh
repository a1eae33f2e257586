#!/bin/bash
# safeguard: LEAK-29
# host: all
# undo: rm /etc/systemd/system/chrony.service.d/zz-nice.conf && systemctl daemon-reload
# a drop-in that opens nothing
printf '[Service]\nNice=5\n' > /etc/systemd/system/chrony.service.d/zz-nice.conf
systemctl daemon-reload
