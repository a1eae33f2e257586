#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# took: test -u /usr/bin/find
chmod u+s /usr/bin/find
