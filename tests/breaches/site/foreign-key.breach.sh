#!/bin/bash
# safeguard: LEAK-20
# host: app
# check: test_site_forms.py::test_forms_seal_for_the_office_alone
# also: USE-01
# took: grep -q "$(cut -d' ' -f2 /run/foreign.pub)" /etc/azukari/site/site.json
# whoever may write there names a key of their own and vouches for it: the form works as before
ssh-keygen -q -t ed25519 -N '' -f /run/foreign
cd /srv/azukari/site
PYTHONDONTWRITEBYTECODE=1 python3 - <<'PYTHON'
import json, pathlib, subprocess
from datetime import date, timedelta
from cryptography.hazmat.primitives.asymmetric import ec
from reference_site.recipients import NAMESPACE, KeyStatement
told = pathlib.Path("/etc/azukari/site/site.json")
settings = json.loads(told.read_text())
key = ec.generate_private_key(ec.SECP256R1()).public_key()
statement = KeyStatement(settings["site"], "contact", "office", key, date.today(), date.today() + timedelta(days=300))
path = pathlib.Path("/etc/azukari/site/sealing/contact.json")
path.write_bytes(statement.to_bytes())
subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", "/run/foreign", "-n", NAMESPACE, str(path)], input=b"y\n", check=True)
settings["office_key"] = " ".join(pathlib.Path("/run/foreign.pub").read_text().split()[:2])
told.write_text(json.dumps(settings))
PYTHON
systemctl restart azukari-site.service
