#!/bin/bash
# safeguard: LEAK-12
# host: web
# check: test_accounts.py::test_accounts_are_those_of_the_contract
# also: LEAK-15 LEAK-19
# took: getent shadow tanaka | cut -d: -f2 | grep -q '^.y.'
# with a password of her own, sudo would ask for nothing else
echo tanaka:correct-horse-battery | chpasswd
