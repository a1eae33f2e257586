#!/bin/bash
# safeguard: LEAK-02
# host: bastion
# undo: true
systemctl restart unbound.service
