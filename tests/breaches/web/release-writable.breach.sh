#!/bin/bash
# safeguard: DEST-07
# host: web
# check: test_web_pages.py::test_only_root_can_change_the_release
# took: test "$(stat -c %U /srv/azukari/release/current/index.html)" = www-data
chown -R www-data /srv/azukari/release/current/
