#!/bin/bash
# safeguard: LEAK-15
# host: all
# check: test_accounts.py::test_sudo_by_duty
# took: ! cvtsudoers -f json /etc/sudoers | grep -q '"log_output": true'
sed -i 's/^Defaults log_output, !log_input/Defaults !log_output, !log_input/' /etc/sudoers
