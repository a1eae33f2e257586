#!/bin/bash
# safeguard: LEAK-02
# host: all
# check: test_firewall.py::test_nothing_undeclared_gets_out
# also: LEAK-01, LEAK-13
# took: nft list chain inet azukari output | grep -qx '[[:space:]]*accept'
# a rule before all others: every way out is open, nothing new gets in
nft insert rule inet azukari output accept
