#!/bin/bash
# safeguard: LEAK-05
# host: db
# check: test_pki_inside.py::test_strangers_are_refused_inside
# also: LEAK-22
# tags: database
# alone: yes
# took: grep -q '^host site' /etc/postgresql/17/main/pg_hba.conf
# the same hosts, the same password; but nobody has to speak TLS any more
sed -n 's|^hostssl \(site intake [^ ]* scram-sha-256\) .*|host \1|p' /etc/postgresql/17/main/pg_hba.conf >/run/plain
cat /run/plain >>/etc/postgresql/17/main/pg_hba.conf
systemctl reload postgresql@17-main.service
