#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# check: test_proxy.py::test_the_proxy_serves_declared_names_only, test_proxy.py::test_the_allow_list_is_the_declared_one
# also: USE-06
# took: grep -q '^http_access allow all' /etc/squid/squid.conf
# alone: yes
# undo: cat /run/record.saved >/var/log/squid/access.log && systemctl kill --kill-whom=main --signal=USR1 squid.service
# what the check's attempts are let through to stands in the record, which no `apply` changes
cp /var/log/squid/access.log /run/record.saved
sed -i 's/^http_access deny all/http_access allow all/' /etc/squid/squid.conf
systemctl reload squid.service
sleep 1
