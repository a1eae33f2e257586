#!/bin/bash
# safeguard: LEAK-14
# host: all
# check: test_ssh.py::test_old_long_and_revoked_certificates_are_refused, test_ssh.py::test_the_revoked_are_known
# took: /usr/sbin/sshd -T | grep -qx 'revokedkeys none'
sed -i '/^RevokedKeys/d' /etc/ssh/sshd_config
systemctl reload ssh.service
