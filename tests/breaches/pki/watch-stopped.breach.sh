#!/bin/bash
# safeguard: LEAK-04
# host: all
# check: test_pki.py::test_their_age_is_watched
# took: ! systemctl is-active --quiet azukari-certificate-age.timer
systemctl disable --now azukari-certificate-age.timer
