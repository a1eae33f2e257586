#!/bin/bash
# safeguard: LEAK-05
# host: db
# given: $PYTHON -c 'import pathlib; from azukari.people import authority, tls_decoys; from azukari.site import load; request, key = tls_decoys.signing_request(); print(authority.load(load(pathlib.Path.cwd()), "production").tls_certificate(request, ["db"], 90) + key)'
# undo: cd /etc/azukari/tls && cat /root/near-miss.pem >host.pem && cat /root/near-miss.key >host.key && rm /root/near-miss.* && systemctl restart postgresql@17-main.service
# another key and certificate of the same name and CA, as at each renewal
cd /etc/azukari/tls
cp -p host.pem /root/near-miss.pem
cp -p host.key /root/near-miss.key
openssl x509 -in /run/given >host.pem
openssl pkey -in /run/given >host.key
rm /run/given
systemctl restart postgresql@17-main.service
