#!/bin/bash
# safeguard: LEAK-13
# host: bastion
# undo: cp -p /run/jump.conf /etc/ssh/azukari/jump.conf && systemctl reload ssh.service
cp -p /etc/ssh/azukari/jump.conf /run/jump.conf
awk '$1 == "PermitOpen" { printf "    PermitOpen"; for (i = NF; i > 1; i--) printf " %s", $i; print ""; next } { print }' /run/jump.conf >/etc/ssh/azukari/jump.conf
systemctl reload ssh.service
