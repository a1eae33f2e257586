#!/bin/bash
# safeguard: LEAK-13
# host: web
# check: test_bastion.py::test_ssh_is_shut_to_everybody_but_the_bastion
# also: LEAK-01
# took: nft list chain inet azukari input | grep -q 'tcp dport 22 accept'
# tags: firewall
nft insert rule inet azukari input tcp dport 22 accept
