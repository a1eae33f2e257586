#!/bin/bash
# safeguard: USE-05
# host: web
# check: test_retention.py::test_accesses_are_not_older
# took: test -s /var/log/nginx/access.log.before-the-move
# of no name that rotation would look at
echo '{"time":"","address":"192.0.2.7"}' >/var/log/nginx/access.log.before-the-move
touch --date='92 days ago' /var/log/nginx/access.log.before-the-move
