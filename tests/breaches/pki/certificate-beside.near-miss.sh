#!/bin/bash
# safeguard: LEAK-04
# host: all
# undo: rm /etc/azukari/tls/last-year.pem
# a public certificate that somebody keeps to compare; its key is not there
cp /etc/azukari/tls/host.pem /etc/azukari/tls/last-year.pem
