#!/bin/bash
# safeguard: LEAK-04
# host: all
# check: test_pki.py::test_trust_is_in_the_declared_authorities_only
# took: grep -c BEGIN /etc/azukari/tls/ca.pem | grep -qx 4
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj '/CN=Friendly Inspection' \
    -days 90 >>/etc/azukari/tls/ca.pem
