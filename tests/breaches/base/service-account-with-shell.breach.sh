#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_accounts_that_nobody_logs_in_to
# also: LEAK-12
# took: getent passwd games | grep -q /bin/bash
usermod --shell /bin/bash games
