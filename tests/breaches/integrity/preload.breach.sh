#!/bin/bash
# safeguard: DEST-08
# host: all
# check: test_integrity.py::test_no_program_comes_from_elsewhere
# took: test -s /etc/ld.so.preload
ls /usr/lib/*/libm.so.6 > /etc/ld.so.preload
