#!/bin/bash
# safeguard: LEAK-15
# host: all
# undo: sed -i '$d' /etc/sudoers
echo '# asked for in ticket 12: nobody ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers
