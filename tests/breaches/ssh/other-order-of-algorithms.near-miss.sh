#!/bin/bash
# safeguard: LEAK-11
# host: all
# undo: sed -i 's/^Ciphers .*/Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com/' /etc/ssh/sshd_config && systemctl reload ssh.service
sed -i 's/^Ciphers .*/Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com/' /etc/ssh/sshd_config
systemctl reload ssh.service
