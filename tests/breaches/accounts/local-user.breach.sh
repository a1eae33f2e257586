#!/bin/bash
# safeguard: LEAK-12
# host: all
# check: test_accounts.py::test_accounts_are_those_of_the_contract
# also: LEAK-19
# took: getent passwd mallory | grep -q /bin/bash
# closed accounts stay, so there may be one from an earlier trial
id mallory >/dev/null 2>&1 || useradd --create-home mallory
usermod --shell /bin/bash --expiredate '' mallory
