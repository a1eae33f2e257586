#!/bin/bash
# safeguard: LOSS-09
# host: mail
# check: test_database.py::test_there_is_room
# took: test $(df --output=pcent / | tail -1 | tr -dc 0-9) -gt 90
# undo: rm -f /var/tmp/filled
free=$(df --output=avail -B1 / | tail -1)
size=$(df --output=size -B1 / | tail -1)
fallocate -l $((free - size / 20)) /var/tmp/filled
