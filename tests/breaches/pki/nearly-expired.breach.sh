#!/bin/bash
# safeguard: LEAK-04
# host: all
# check: test_pki.py::test_certificates_are_the_declared_ones
# took: ! openssl x509 -in /etc/azukari/tls/host.pem -noout -checkend 2600000
# the same key and name, 90 days, of which 29 are left
start=$(date -u -d '-61 days' +%Y%m%d%H%M%SZ) end=$(date -u -d '+29 days' +%Y%m%d%H%M%SZ)
openssl req -x509 -key /etc/azukari/tls/host.key -subj "/CN=$(hostname)" -addext "subjectAltName=DNS:$(hostname)" \
    -not_before "$start" -not_after "$end" -out /etc/azukari/tls/host.pem
