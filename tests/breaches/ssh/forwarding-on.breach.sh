#!/bin/bash
# safeguard: LEAK-18
# host: all
# check: test_ssh.py::test_forwarding_is_refused, test_ssh.py::test_forwarding_is_off
# took: /usr/sbin/sshd -T | grep -qx 'allowtcpforwarding yes'
sed -i 's/^DisableForwarding yes/DisableForwarding no/; s/^AllowTcpForwarding no/AllowTcpForwarding yes/; /^PermitOpen none/d' /etc/ssh/sshd_config
systemctl reload ssh.service
