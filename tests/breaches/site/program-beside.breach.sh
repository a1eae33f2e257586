#!/bin/bash
# safeguard: USE-01
# host: app
# check: test_site_collects.py::test_only_the_declared_program_collects
# took: test -f /srv/azukari/site/sitecustomize.py
# Python reads this before anything else, and it could copy whatever is sent; no file of the program is touched
install -m 0644 /dev/stdin /srv/azukari/site/sitecustomize.py <<<'COPIED = []'
systemctl restart azukari-site.service
