#!/bin/bash
# safeguard: LEAK-32
# host: all
# check: test_audit_access.py::test_the_audit_can_change_and_read_nothing, test_audit_access.py::test_the_session_of_the_audit
# took: /usr/sbin/sshd -T -C user=azukari-audit,host=x,addr=192.0.2.7 | grep -qx 'forcecommand none'
sed -i '/ForceCommand/d' /etc/ssh/azukari/audit.conf
systemctl reload ssh.service
