#!/bin/bash
# safeguard: LEAK-10
# host: all
# check: test_ssh.py::test_only_certificates_of_the_domain, test_ssh.py::test_no_password_and_no_root
# took: /usr/sbin/sshd -T | grep -qx 'permitrootlogin without-password'
sed -i 's/^PermitRootLogin no/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config
systemctl reload ssh.service
