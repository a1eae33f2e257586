#!/bin/bash
# safeguard: LEAK-04
# host: all
# check: test_pki.py::test_keys_are_closed
# also: LEAK-26, LEAK-27, LEAK-32
# took: test "$(stat -c %a /etc/azukari/tls/host.key)" = 644
chmod 0644 /etc/azukari/tls/host.key
