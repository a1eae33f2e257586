#!/bin/bash
# safeguard: LOSS-10
# host: db
# check: test_time.py::test_sources_are_the_declared_ones
# took: ! systemctl is-active --quiet chrony.service
systemctl disable --now chrony.service
