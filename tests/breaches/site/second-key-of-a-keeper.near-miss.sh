#!/bin/bash
# safeguard: DEST-09
# host: site
# with: plan
# a new key of the same person, and the office agreed
ssh-keygen -q -t ed25519 -N '' -C '' -f "$AZUKARI_HOME/second"
mv "$AZUKARI_HOME/second.pub" keys/people/sato_second.pub
rm "$AZUKARI_HOME/second"
sed -i 's|keys: \[keys/people/sato.pub\]|keys: [keys/people/sato.pub, keys/people/sato_second.pub]|' group_vars/all/contract.yml
grep -q sato_second group_vars/all/contract.yml
"$PYTHON" -m azukari site approve --site .
