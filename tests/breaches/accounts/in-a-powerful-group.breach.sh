#!/bin/bash
# safeguard: LEAK-12
# host: all
# check: test_accounts.py::test_accounts_are_those_of_the_contract
# took: getent group adm | grep -q azukari-apply
# whoever is in adm reads everybody's logs without any rule of sudo
gpasswd --add azukari-apply adm
