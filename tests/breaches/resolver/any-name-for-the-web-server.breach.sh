#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# check: test_resolver.py::test_names_are_answered_to_the_declared_hosts_alone
# took: ! grep -q 'local-zone: "." refuse' /etc/unbound/unbound.conf
# in names that it asks for, whoever took the web server over could send out what it holds
sed -i '/local-zone: "." refuse/d' /etc/unbound/unbound.conf
systemctl restart unbound.service
