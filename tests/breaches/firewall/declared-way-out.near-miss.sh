#!/bin/bash
# safeguard: LEAK-02
# host: all
# undo: true
# what is declared may be used: the package source, through the proxy
apt-get -qq update
