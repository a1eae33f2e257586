#!/bin/bash
# safeguard: LEAK-11
# host: all
# check: test_ssh.py::test_only_modern_algorithms_are_offered, test_ssh.py::test_only_modern_algorithms_are_set
# took: /usr/sbin/sshd -T | grep -q '^kexalgorithms .*curve25519-sha256,ecdh'
sed -i 's/^KexAlgorithms .*/&,curve25519-sha256,ecdh-sha2-nistp256/' /etc/ssh/sshd_config
systemctl reload ssh.service
