#!/bin/bash
# safeguard: LOSS-10
# host: web
# check: test_time.py::test_sources_are_the_declared_ones
# took: chronyc -n -c sources | grep -q 192.0.2.1
# only in the running service: no file shows it
chronyc add server 192.0.2.1
systemctl start azukari-clock.service
