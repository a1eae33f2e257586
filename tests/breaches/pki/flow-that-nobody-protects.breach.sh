#!/bin/bash
# safeguard: LEAK-05
# host: site
# check: test_pki_inside.py::test_each_inner_flow_is_protected
# also: CONT-02, DEST-10, LEAK-01
echo '  - {from: web, to: app, port: 8080, why: what is behind it is trusted}' >>group_vars/all/flows.yml
