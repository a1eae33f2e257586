#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_accounts_that_nobody_logs_in_to
# also: LEAK-32
# took: test "$(stat -c %a /root)" = 755
chmod 0755 /root
