#!/bin/bash
# safeguard: CONT-02
# host: site
# check: test_site.py::test_the_office_approved_this_site
ssh-keygen -q -t ed25519 -N '' -C '' -f "$AZUKARI_HOME/not-the-office"
rm approval.sig
ssh-keygen -q -Y sign -n azukari-site -f "$AZUKARI_HOME/not-the-office" approval.txt
mv approval.txt.sig approval.sig
rm "$AZUKARI_HOME/not-the-office" "$AZUKARI_HOME/not-the-office.pub"
