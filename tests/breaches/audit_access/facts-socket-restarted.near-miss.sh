#!/bin/bash
# safeguard: LEAK-32
# host: all
# undo: true
systemctl restart azukari-facts.socket
