# safeguard: LEAK-08
# host: site
# check: test_mail.py::test_the_published_records_are_the_declared_ones
# undo: "$PYTHON" -m azukari lab up
# What the office's DNS operator publishes, in the lab its own name server: forged mail is not rejected any more.
zone="/var/lib/azukari/lab/$(sed -n 's/^  name: //p' group_vars/all/site.yml)/internet/zone"
sed -i 's/p=reject/p=none/' "$zone"
grep -q 'p=none' "$zone"
