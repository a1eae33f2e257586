#!/bin/bash
# safeguard: LEAK-19
# host: all
# check: test_base.py::test_new_files_are_closed
# took: grep -q '^UMASK 022' /etc/login.defs
sed -i 's/^UMASK .*/UMASK 022/' /etc/login.defs
