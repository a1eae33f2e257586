#!/bin/bash
# safeguard: DEST-08
# host: all
# check: test_integrity.py::test_no_program_comes_from_elsewhere
# took: test -x /usr/local/bin/helper
install -m 0755 /bin/true /usr/local/bin/helper
