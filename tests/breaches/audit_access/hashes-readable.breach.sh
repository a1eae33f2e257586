#!/bin/bash
# safeguard: LEAK-32
# host: all
# check: test_audit_access.py::test_the_audit_can_change_and_read_nothing
# also: LEAK-19 LEAK-27
# took: test $(stat -c %a /etc/shadow) = 644
# tags: base
chmod 0644 /etc/shadow
