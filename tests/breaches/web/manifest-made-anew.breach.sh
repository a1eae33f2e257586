#!/bin/bash
# safeguard: DEST-07
# host: web
# check: test_web_pages.py::test_every_page_is_of_the_signed_release
# took: ! sha256sum /srv/azukari/release/current/.well-known/azukari/release.json | grep -q "$(readlink /srv/azukari/release/current)"
# a page is altered and the manifest agrees with it; only the signature does not
cd /srv/azukari/release/current
old=$(sha256sum <en/index.html | cut -d' ' -f1)
echo '<!-- altered -->' >>en/index.html
new=$(sha256sum <en/index.html | cut -d' ' -f1)
sed -i "s/$old/$new/" .well-known/azukari/release.json
