#!/bin/bash
# safeguard: LEAK-04
# host: web
# check: test_pki.py::test_certificates_are_the_declared_ones, test_pki.py::test_visitors_see_the_right_certificate
# also: LEAK-03, LEAK-06, LEAK-07, LEAK-09, DEST-07, USE-01, USE-02, USE-03, USE-06, USE-09, USE-11
# took: openssl x509 -in /etc/azukari/tls/public.pem -noout -ext subjectAltName | grep -q www.other.test
# a site whose certificate is not trusted is not visited, so the checks that visit it cannot judge
openssl req -x509 -key /etc/azukari/tls/public.key -subj /CN=www.other.test -addext subjectAltName=DNS:www.other.test \
    -days 90 -out /etc/azukari/tls/public.pem
systemctl restart nginx.service
