#!/bin/bash
# safeguard: LEAK-26
# host: all
# check: test_base_secrets.py::test_nothing_of_automation_is_recorded
# tags: accounts
# took: test -s /var/log/sudo-io/azukari-apply/00/00/01/stdout
# as sudo keeps it: compressed, so that no search for a secret's text finds it
mkdir -p /var/log/sudo-io/azukari-apply/00/00/01
echo '{"password": "of the database"}' | gzip >/var/log/sudo-io/azukari-apply/00/00/01/stdout
