#!/bin/bash
# safeguard: LEAK-04
# host: all
# check: test_pki.py::test_keys_are_closed
# also: LEAK-27
# took: test "$(stat -c %G /etc/azukari/tls/host.key)" = www-data
chown root:www-data /etc/azukari/tls/host.key
chmod 0640 /etc/azukari/tls/host.key
