#!/bin/bash
# safeguard: LEAK-22
# host: db
# check: test_database.py::test_settings_are_closed
# also: LEAK-23
# took: grep -q '^log_parameter_max_length = -1' /etc/postgresql/17/main/postgresql.conf
sed -i 's/^log_parameter_max_length = .*/log_parameter_max_length = -1/' /etc/postgresql/17/main/postgresql.conf
systemctl reload postgresql@17-main.service
