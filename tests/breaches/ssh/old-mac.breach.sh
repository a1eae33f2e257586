#!/bin/bash
# safeguard: LEAK-11
# host: all
# check: test_ssh.py::test_only_modern_algorithms_are_offered, test_ssh.py::test_only_modern_algorithms_are_set
# took: /usr/sbin/sshd -T | grep -q '^macs .*hmac-sha1'
sed -i 's/^MACs .*/&,hmac-sha1/' /etc/ssh/sshd_config
systemctl reload ssh.service
