#!/bin/bash
# safeguard: LOSS-12
# host: mail
# check: test_site_letters.py::test_letters_never_stop_for_good
# also: LEAK-29
# tags: mail
# took: ! systemctl is-active --quiet azukari-letters.service
# Registrations are taken as before, and nobody writes to those who wait.
systemctl disable --now azukari-letters.service
