#!/bin/bash
# safeguard: LEAK-26
# host: site
# check: test_base.py::test_no_secret_is_written_down
# also: CONT-02 DEST-10
openssl genpkey -quiet -algorithm ED25519 -out keys/forgotten.pem
