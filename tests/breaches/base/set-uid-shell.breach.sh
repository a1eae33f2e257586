#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# also: DEST-08
# tags: base,integrity
# took: test -u /usr/local/bin/sh
install -m 4755 /bin/dash /usr/local/bin/sh
