#!/bin/bash
# safeguard: LEAK-10
# host: all
# check: test_ssh.py::test_only_certificates_of_the_domain, test_ssh.py::test_no_password_and_no_root
# took: /usr/sbin/sshd -T | grep -qx 'passwordauthentication yes'
echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/50-cloud-init.conf
sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config
systemctl reload ssh.service
