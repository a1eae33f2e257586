#!/bin/bash
# safeguard: DEST-08
# host: all
# check: test_integrity.py::test_files_are_what_packages_brought
# took: ! test -e /usr/bin/hostname
rm /usr/bin/hostname
