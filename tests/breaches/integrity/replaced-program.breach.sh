#!/bin/bash
# safeguard: DEST-08
# host: all
# check: test_integrity.py::test_files_are_what_packages_brought
# took: dpkg --verify hostname | grep -q /usr/bin/hostname
# still works, and says what it said before
printf 'x' >> /usr/bin/hostname
