#!/bin/bash
# safeguard: LEAK-01
# host: all
# check: test_firewall.py::test_a_reboot_loads_the_same_rules
# took: systemctl cat nftables.service | grep -q open.conf
install -d /etc/systemd/system/nftables.service.d
printf '[Service]\nExecStart=\nExecStart=/usr/sbin/nft -f /etc/nftables.d/open.conf\n' >/etc/systemd/system/nftables.service.d/zz.conf
systemctl daemon-reload
