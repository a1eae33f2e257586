#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_accounts_that_nobody_logs_in_to
# also: LEAK-12
# took: grep -q '^irc::' /etc/shadow
sed -i 's/^irc:[^:]*:/irc::/' /etc/shadow
