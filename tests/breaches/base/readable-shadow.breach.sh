#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# also: LEAK-32
# took: test "$(stat -c %a /etc/shadow)" = 644
chmod 0644 /etc/shadow
