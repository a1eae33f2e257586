#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_no_security_update_is_overdue
# took: test -s /etc/apt/preferences.d/openssl
printf 'Package: openssl\nPin: version 1.*\nPin-Priority: 1001\n' > /etc/apt/preferences.d/openssl
