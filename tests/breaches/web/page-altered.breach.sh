#!/bin/bash
# safeguard: DEST-07
# host: web
# check: test_web_pages.py::test_every_page_is_of_the_signed_release, test_web_pages.py::test_only_root_can_change_the_release
# took: grep -q 03-9999 /srv/azukari/release/current/index.html
# one number: visitors would call somebody else
sed -i 's/<dd>+[0-9 ]*<\/dd>/<dd>03-9999-9999<\/dd>/' /srv/azukari/release/current/index.html
