#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# took: python3 -c 'import os; os.getxattr("/usr/bin/tac", "security.capability")'
# cap_dac_read_search, bit 2: reads every file (capabilities(7), version 2 of the attribute)
python3 -c 'import os, struct; os.setxattr("/usr/bin/tac", "security.capability", struct.pack("<5I", 0x02000001, 4, 0, 0, 0))'
