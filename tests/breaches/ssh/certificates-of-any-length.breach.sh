#!/bin/bash
# safeguard: LEAK-14
# host: all
# check: test_ssh.py::test_old_long_and_revoked_certificates_are_refused, test_ssh.py::test_the_revoked_are_known
# took: /usr/sbin/sshd -T | grep -qx 'authorizedprincipalsfile /etc/ssh/principals/%u'
# the same principals, but nobody asks how long a certificate was made for
sed -i 's|^AuthorizedPrincipalsFile none|AuthorizedPrincipalsFile /etc/ssh/principals/%u|; /^AuthorizedPrincipalsCommand/d' /etc/ssh/sshd_config
systemctl reload ssh.service
