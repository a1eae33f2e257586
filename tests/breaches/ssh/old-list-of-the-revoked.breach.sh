#!/bin/bash
# safeguard: LEAK-14
# host: all
# check: test_ssh.py::test_old_long_and_revoked_certificates_are_refused, test_ssh.py::test_the_revoked_are_known
# took: test $(ssh-keygen -Q -l -f /etc/ssh/azukari/revoked.krl | grep -c serial:) = 0
# a valid list, of a time when nothing was revoked
ssh-keygen -q -k -f /run/old.krl
cat /run/old.krl >/etc/ssh/azukari/revoked.krl
rm /run/old.krl
