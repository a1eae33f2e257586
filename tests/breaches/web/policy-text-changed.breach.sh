#!/bin/bash
# safeguard: USE-09
# host: web
# check: test_web_pages.py::test_the_policy_page_is_the_declared_policy
# also: DEST-07
# took: grep -q 9000 /srv/azukari/release/current/privacy/index.html
# the page promises what nobody declared
sed -i 's/<dd>90日<\/dd>/<dd>9000日<\/dd>/' /srv/azukari/release/current/privacy/index.html
