#!/bin/bash
# safeguard: CONT-01
# host: web
# undo: sed -i '$d' /etc/ssh/principals/tanaka
echo '# asked for in ticket 12' >>/etc/ssh/principals/tanaka
