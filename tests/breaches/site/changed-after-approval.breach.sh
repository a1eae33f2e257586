#!/bin/bash
# safeguard: CONT-02
# host: site
# check: test_site.py::test_the_office_approved_this_site
# also: DEST-10
echo '# one flow more is planned' >>group_vars/all/flows.yml
