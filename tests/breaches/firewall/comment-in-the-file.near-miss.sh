#!/bin/bash
# safeguard: LEAK-01
# host: all
# undo: sed -i '$d' /etc/nftables.conf
echo '# looked at by the office; tcp dport 8088 accept was refused' >>/etc/nftables.conf
