#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_no_file_is_more_open_than_needed
# took: python3 -c 'import os; os.getxattr("/etc/gshadow", "system.posix_acl_access")'
# games may read: an access list does not show in the mode (acl(5), version 2 of the attribute)
python3 - <<'END'
import os, struct
entries = [(1, 6, 0xFFFFFFFF), (2, 4, 5), (4, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
os.setxattr("/etc/gshadow", "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
END
