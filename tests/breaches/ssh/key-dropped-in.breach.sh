#!/bin/bash
# safeguard: LEAK-10
# host: web
# check: test_ssh.py::test_only_certificates_of_the_domain
# took: test -s /home/tanaka/.ssh/authorized_keys
# tags: accounts
install -d -o tanaka -g tanaka -m 0700 /home/tanaka/.ssh
ssh-keygen -q -t ed25519 -N '' -f /run/dropped && install -o tanaka -g tanaka -m 0600 /run/dropped.pub /home/tanaka/.ssh/authorized_keys
rm /run/dropped /run/dropped.pub
