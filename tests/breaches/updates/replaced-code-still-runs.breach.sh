#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_nothing_runs_replaced_code
# took: ls -l /proc/$(systemctl show --property=MainPID --value trial-old.service)/exe | grep -q deleted
# what an upgrade without a restart leaves behind: the old program runs on, its file is gone
printf '[Service]\nType=exec\nExecStart=/usr/bin/sleep 1800\n' > /run/systemd/system/trial-old.service
systemctl daemon-reload
systemctl start trial-old.service
cp --preserve=all /usr/bin/sleep /usr/bin/sleep.new
mv /usr/bin/sleep.new /usr/bin/sleep
