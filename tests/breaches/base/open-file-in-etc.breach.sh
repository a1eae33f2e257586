#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# took: test "$(stat -c %a /etc/trial.conf)" = 666
install -m 0666 /dev/null /etc/trial.conf
