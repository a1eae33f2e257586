#!/bin/bash
# safeguard: CONT-01
# host: web
# check: test_accounts.py::test_everybody_with_access_is_declared
# took: grep -q mallory /etc/ssh/principals/tanaka
# a certificate for mallory opens tanaka's account
echo mallory >>/etc/ssh/principals/tanaka
