#!/bin/bash
# safeguard: LEAK-04
# host: web
# check: test_pki.py::test_certificates_are_the_declared_ones, test_pki.py::test_visitors_see_the_right_certificate
# also: LEAK-03, LEAK-06, LEAK-07, LEAK-09, DEST-07, USE-01, USE-02, USE-03, USE-06, USE-09, USE-11
# took: openssl verify -CAfile /etc/azukari/tls/public.pem /etc/azukari/tls/public.pem
# the right names and the right key, and young: but no authority that a visitor's machine knows had a part in it
names=$(openssl req -in /etc/azukari/acme/public.csr -noout -text | grep -o 'DNS:[^, ]*' | paste -sd,)
openssl req -x509 -key /etc/azukari/tls/public.key -subj /CN=www -addext "subjectAltName=$names" -days 90 \
    -out /etc/azukari/tls/public.pem
systemctl reload nginx.service
