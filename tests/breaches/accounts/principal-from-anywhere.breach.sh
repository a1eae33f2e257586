#!/bin/bash
# safeguard: CONT-01
# host: web
# check: test_accounts.py::test_everybody_with_access_is_declared
# took: ! grep -q from= /etc/ssh/principals/azukari-apply
echo apply@web >/etc/ssh/principals/azukari-apply
