#!/bin/bash
# safeguard: LEAK-12
# host: all
# check: test_accounts.py::test_accounts_are_those_of_the_contract
# also: LEAK-19
# took: getent passwd games | grep -q /bin/bash
# tags: base accounts
usermod --shell /bin/bash games
