#!/bin/bash
# safeguard: LEAK-30
# host: all
# check: test_updates.py::test_no_security_update_is_overdue
# took: apt-mark showhold | grep -q openssl
apt-mark hold openssl
