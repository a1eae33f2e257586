#!/bin/bash
# safeguard: LEAK-21
# host: mail
# check: test_mail_finder.py::test_one_closed_door_with_the_finder_behind, test_mail_finder.py::test_door_keys_and_record_are_closed, test_mail_finder.py::test_the_audit_cannot_ask
# also: LEAK-32, DEST-10
# took: test "$(stat -c '%G %a' /run/azukari-finder.socket)" = "azukari-audit 660"
# Who looks at the servers could hand in questions as well.
install -D -m 0644 /dev/stdin /etc/systemd/system/azukari-finder.socket.d/more.conf <<'UNIT'
[Socket]
SocketGroup=azukari-audit
SocketMode=0660
UNIT
systemctl daemon-reload
systemctl restart azukari-finder.socket
