#!/bin/bash
# safeguard: LEAK-01
# host: all
# check: test_firewall.py::test_only_declared_flows_get_in, test_firewall.py::test_loaded_rules_are_the_declared_flows
# also: LEAK-02, LEAK-13
# took: test -z "$(nft list ruleset)"
nft flush ruleset
