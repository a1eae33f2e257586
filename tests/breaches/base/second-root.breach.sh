#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_accounts_that_nobody_logs_in_to
# also: LEAK-12
# took: getent passwd toor | grep -q :0:0:
useradd --non-unique --uid 0 --gid 0 --home-dir /root --no-create-home --shell /bin/bash --password '*' toor
