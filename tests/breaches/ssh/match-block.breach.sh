#!/bin/bash
# safeguard: LEAK-10
# host: all
# check: test_ssh.py::test_only_certificates_of_the_domain, test_ssh.py::test_no_password_and_no_root
# took: /usr/sbin/sshd -T -C user=tanaka,host=x,addr=203.0.113.7 | grep -qx 'passwordauthentication yes'
# everybody else's settings stay as they were
printf 'Match Address 203.0.113.0/24\n    PasswordAuthentication yes\n    AuthenticationMethods password\n' >>/etc/ssh/sshd_config
systemctl reload ssh.service
