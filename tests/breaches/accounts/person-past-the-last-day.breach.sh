#!/bin/bash
# safeguard: LEAK-12
# host: site
# check: test_accounts.py::test_accounts_are_those_of_the_contract, test_site.py::test_the_office_approved_this_site
# also: CONT-01 CONT-02 LEAK-15 DEST-10
# suzuki's last day was yesterday, and nobody has run `apply` since
sed -i '/- name: suzuki/,/- name: sato/s/until: .*/until: 2026-11-24/' group_vars/all/contract.yml
grep -q 'until: 2026-11-24' group_vars/all/contract.yml
