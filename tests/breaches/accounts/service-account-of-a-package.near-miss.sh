#!/bin/bash
# safeguard: LEAK-12
# host: all
# undo: userdel azukaritest
# as packages make theirs: below 1000, no shell, no password
useradd --system --shell /usr/sbin/nologin azukaritest
