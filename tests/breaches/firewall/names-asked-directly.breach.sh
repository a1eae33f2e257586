#!/bin/bash
# safeguard: LEAK-02
# host: all
# check: test_firewall.py::test_nothing_undeclared_gets_out
# also: LEAK-01
# took: nft list chain inet azukari output | grep -qx '[[:space:]]*udp dport 53 accept'
# the classical tunnel: names can be asked of any server
nft insert rule inet azukari output udp dport 53 accept
