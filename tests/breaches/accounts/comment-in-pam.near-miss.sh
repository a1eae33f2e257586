#!/bin/bash
# safeguard: LEAK-15
# host: all
# undo: sed -i '1d' /etc/pam.d/sudo
sed -i '1i # auth sufficient pam_permit.so' /etc/pam.d/sudo
