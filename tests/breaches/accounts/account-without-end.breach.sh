#!/bin/bash
# safeguard: LEAK-12
# host: web
# check: test_accounts.py::test_accounts_are_those_of_the_contract
# took: test -z "$(getent shadow tanaka | cut -d: -f8)"
chage --expiredate -1 tanaka
