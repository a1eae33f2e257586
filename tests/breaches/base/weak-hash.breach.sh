#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_accounts_that_nobody_logs_in_to
# also: LEAK-12
# took: grep -q '^irc:$6' /etc/shadow
# SHA-512, which Debian used before yescrypt
usermod --password '$6$azukari$GpZtsVnXlTNBmhGtRwQ2o8BnmVWUXNHVxbGZrnbfG6kRbmCRGnOhxVNSVBIFmUHBmAXFTUKtb9TyUQFtcFGSt.' irc
