#!/bin/bash
# safeguard: DEST-09
# host: site
# check: test_site.py::test_each_domain_has_a_keeper_of_its_own
# also: CONT-02 DEST-10 LEAK-10 LEAK-14
# what production's keeper signs is declared to open the vault too
cp keys/ca/production_user.pub keys/ca/vault_user.pub
