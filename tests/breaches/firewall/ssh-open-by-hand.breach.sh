#!/bin/bash
# safeguard: LEAK-01
# host: all
# check: test_firewall.py::test_only_declared_flows_get_in, test_firewall.py::test_loaded_rules_are_the_declared_flows
# also: LEAK-13
# took: nft list chain inet azukari input | grep -qx '[[:space:]]*tcp dport 22 accept'
# an accept rule by hand, as somebody in a hurry writes it
nft insert rule inet azukari input tcp dport 22 accept
