#!/bin/bash
# safeguard: DEST-09
# host: site
# check: test_site.py::test_each_domain_has_a_keeper_of_its_own
# also: CONT-02
# the vault's keeper uses the operator's key
cp keys/people/tanaka.pub keys/people/sato.pub
