#!/bin/bash
# safeguard: LEAK-01
# host: all
# check: test_firewall.py::test_only_declared_flows_get_in, test_firewall.py::test_loaded_rules_are_the_declared_flows
# also: LEAK-13
# took: nft list chain inet azukari input | grep -q 'nfproto ipv6 accept'
# IPv4 stays as it was: who scans over IPv4 alone sees nothing
nft insert rule inet azukari input meta nfproto ipv6 accept
