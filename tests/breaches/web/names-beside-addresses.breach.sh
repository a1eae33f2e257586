#!/bin/bash
# safeguard: USE-01
# host: web
# check: test_web_domains.py::test_of_names_the_domain_alone_is_kept
# took: test -s /var/lib/azukari-domains/names
# who came, by name: the counts beside it are as they were
echo '192.0.2.7 pc-7.dial.example.jp' >/var/lib/azukari-domains/names
