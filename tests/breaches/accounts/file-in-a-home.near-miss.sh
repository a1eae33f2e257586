#!/bin/bash
# safeguard: LEAK-12
# host: web
# undo: rm /home/tanaka/.bashrc-own
install -o tanaka -g tanaka -m 0600 /dev/null /home/tanaka/.bashrc-own
