#!/bin/bash
# safeguard: LEAK-10
# host: all
# undo: sed -i '$d' /etc/ssh/sshd_config && systemctl reload ssh.service
echo '# PasswordAuthentication yes' >>/etc/ssh/sshd_config
systemctl reload ssh.service
