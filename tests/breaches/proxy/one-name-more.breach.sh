#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# check: test_proxy.py::test_the_allow_list_is_the_declared_one
# took: grep -q 'dstdomain -n .* paste.example.net' /etc/squid/squid.conf
# no attempt can try every name: the list itself is compared
sed -i 's/^acl name1 .*/& paste.example.net/' /etc/squid/squid.conf
systemctl reload squid.service
