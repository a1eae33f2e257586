#!/bin/bash
# safeguard: LEAK-10
# host: all
# check: test_ssh.py::test_only_certificates_of_the_domain
# took: test $(grep -c ssh-ed25519 /etc/ssh/azukari/user_ca.pub) = 2
ssh-keygen -q -t ed25519 -N '' -f /run/other-ca
cat /run/other-ca.pub >>/etc/ssh/azukari/user_ca.pub
rm /run/other-ca /run/other-ca.pub
