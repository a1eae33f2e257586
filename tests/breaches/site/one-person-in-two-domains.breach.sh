#!/bin/bash
# safeguard: DEST-09
# host: site
# check: test_site.py::test_each_domain_has_a_keeper_of_its_own
# also: CONT-02
# the vault's keeper is production's operator by another login name
sed -i 's/full_name: Sato Yuki/full_name: Tanaka Hanako/' group_vars/all/contract.yml
grep -c 'full_name: Tanaka Hanako' group_vars/all/contract.yml | grep -qx 2
