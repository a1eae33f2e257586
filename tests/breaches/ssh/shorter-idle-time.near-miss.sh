#!/bin/bash
# safeguard: LEAK-18
# host: all
# undo: sed -i 's/^ChannelTimeout .*/ChannelTimeout *=30m/' /etc/ssh/sshd_config && systemctl reload ssh.service
sed -i 's/^ChannelTimeout .*/ChannelTimeout *=20m/' /etc/ssh/sshd_config
systemctl reload ssh.service
