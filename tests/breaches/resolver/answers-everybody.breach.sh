#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# check: test_resolver.py::test_names_are_answered_to_the_declared_hosts_alone
# took: grep -q '^  access-control: 0.0.0.0/0 allow' /etc/unbound/unbound.conf
# the packet filter still keeps others away: what it would answer them is compared
sed -i 's|^  access-control: 0.0.0.0/0 refuse|  access-control: 0.0.0.0/0 allow|' /etc/unbound/unbound.conf
systemctl restart unbound.service
