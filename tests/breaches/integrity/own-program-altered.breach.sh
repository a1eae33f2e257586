#!/bin/bash
# safeguard: DEST-08
# host: all
# check: test_integrity.py::test_no_program_comes_from_elsewhere
# tags: updates
# took: grep -q altered /usr/local/sbin/azukari-restart-owed
echo '# altered' >> /usr/local/sbin/azukari-restart-owed
