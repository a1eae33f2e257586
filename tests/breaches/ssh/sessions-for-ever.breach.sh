#!/bin/bash
# safeguard: LEAK-18
# host: all
# check: test_ssh.py::test_idle_sessions_end
# took: /usr/sbin/sshd -T | grep -qx 'channeltimeout none'
sed -i '/^ChannelTimeout/d' /etc/ssh/sshd_config
systemctl reload ssh.service
