#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# undo: true
systemctl kill --kill-whom=main --signal=USR1 squid.service
