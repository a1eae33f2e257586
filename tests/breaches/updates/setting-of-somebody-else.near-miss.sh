#!/bin/bash
# safeguard: LEAK-30
# host: all
# undo: rm /etc/apt/apt.conf.d/50trial
# changes how apt looks, not what it installs
echo 'Dpkg::Progress-Fancy "1";' > /etc/apt/apt.conf.d/50trial
