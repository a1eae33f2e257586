"""Certificates are renewed while visitors are there: each is answered, and each service shows the new one."""

import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from azukari.lab import Lab, issuer
from azukari.people import authority
from tests import provisioned, visitors
from tests.visitors import Visitor

pytestmark = pytest.mark.lab
VISITORS = 8
# By host, of the site's own CA; all of them are put in the place of such as have a tenth of their life left.
CERTIFICATES = {"web": ("host",), "app": ("host", "intake"), "db": ("host",)}
SERVICES = {"web": "nginx.service", "app": "azukari-site.service", "db": "postgresql@17-main.service"}


def started(lab: Lab) -> dict[str, bytes]:
    """Return since when the services' first processes have been there."""
    show = ["systemctl", "show", "--property=ExecMainPID,ExecMainStartTimestamp"]
    return {host: lab.run(host, [*show, unit]).stdout for host, unit in SERVICES.items()}


def serials(lab: Lab) -> dict[str, bytes]:
    """Return the serial numbers of the certificates that lie on the hosts."""
    ask = "for one in {}; do openssl x509 -noout -serial -in /etc/azukari/tls/$one.pem; done"
    held = CERTIFICATES | {"web": ("public", *CERTIFICATES["web"])}
    return {host: lab.run(host, ["/bin/sh", "-c", ask.format(" ".join(names))]).stdout for host, names in held.items()}


def ageing(lab: Lab, host: str, name: str) -> None:
    """Have the domain's CA sign a host's certificate anew, as it would have been long ago."""
    path = f"/etc/azukari/tls/{name}.pem"
    own = x509.load_pem_x509_certificate(lab.run(host, ["cat", path]).stdout)
    ca = authority.load(provisioned.site(), provisioned.site().hosts[host].domain).tls_ca
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=own.issuer, subject_name=own.subject, public_key=own.public_key(),
        serial_number=x509.random_serial_number(), not_valid_before=now - timedelta(days=81),
        not_valid_after=now + timedelta(days=9), extensions=list(own.extensions),
    ).sign(ca, hashes.SHA256())  # fmt: skip
    text = made.public_bytes(Encoding.PEM).decode()
    put = f"cat > {path}.new <<'PEM'\n{text}PEM\nmv {path}.new {path}"
    assert lab.run(host, ["/bin/sh", "-c", put]).returncode == 0


def come_and_go(address: str, over: threading.Event) -> Counter[int]:
    """Read and write by turns, on kept and on new connections, until it is over; return the answers' codes.

    Whoever sends by a kept connection that is closed at that moment gets no answer, and sends anew, as browsers do
    (RFC 9112, 9.3.1); by a new connection, every request has to be answered.
    """
    found: Counter[int] = Counter()
    visitor = Visitor(provisioned.site(), address)
    token = visitor.token(patience=30)
    while not over.wait(1.05):  # an address may send one answer a second
        answer = {"comments": f"answer {found.total()} of {address}"}
        found[visitor.ask("GET", "/").status] += 1
        sent = visitor.send(token, answer)
        found[(sent if sent.status else visitor.send(token, answer)).status] += 1
        visitor.close()
        found[visitor.ask("GET", "/contact/").status] += 1
        visitor.close()
    return found


def told(lab: Lab) -> str:
    """Return what the forms' service and the web server say of what they could not answer."""
    forms = ["journalctl", "--quiet", "--no-pager", "--unit=azukari-site.service", "--since=-5min", "--lines=20"]
    refused = ["grep", "--max-count=5", '"status":5', "/var/log/nginx/access.log"]
    return "\n".join(lab.run(host, argv).stdout.decode() for host, argv in (("app", forms), ("web", refused)))


def test_renewal_drops_no_request(provisioned_lab: Lab) -> None:
    lab = provisioned_lab
    lab.reset(list(provisioned.site().hosts))
    for host, names in CERTIFICATES.items():
        for name in names:
            ageing(lab, host, name)
        assert lab.run(host, ["systemctl", "restart", SERVICES[host]], timeout=60).returncode == 0
    # No authority dates a certificate back: the public one is asked for anew before its time.
    assert lab.run("web", ["touch", "/run/azukari-acme.due"]).returncode == 0
    before, first = started(lab), serials(lab)
    over = threading.Event()
    with visitors.addresses(lab, provisioned.site()) as own, ThreadPoolExecutor(VISITORS) as pool:
        asking = [pool.submit(come_and_go, address, over) for address in own[:VISITORS]]
        try:
            done = provisioned.azukari("apply", "--tags", "pki,web,site,database", timeout=400)
        finally:
            over.set()
        answers = sum((one.result() for one in asking), Counter())
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(answers) == {200, 303}, f"not every visitor was answered: {dict(answers)}\n{told(lab)}"
    assert started(lab) == before, "a service was restarted"
    now = serials(lab)
    assert all(not {*now[host].split()} & {*first[host].split()} for host in CERTIFICATES), "one was not renewed"
    planned = provisioned.azukari("plan", timeout=300)
    assert planned.returncode == 0, planned.stdout
    judged = provisioned.azukari("verify", "--safeguard", "LEAK-04,LEAK-05", timeout=120)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_an_authority_that_does_not_answer_is_named_and_what_is_served_stays(provisioned_lab: Lab) -> None:
    lab = provisioned_lab
    lab.reset("web")
    authority_of_visitors = int(json.loads((lab.layout.issuer_folder / "running.json").read_text())["pid"])
    assert lab.run("web", ["touch", "/run/azukari-acme.due"]).returncode == 0
    before = serials(lab), started(lab)
    os.kill(authority_of_visitors, signal.SIGSTOP)
    try:
        done = provisioned.azukari("apply", "--tags", "pki", timeout=400)
    finally:
        os.kill(authority_of_visitors, signal.SIGCONT)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1, said
    assert "https://acme.issuer.test/dir gave no certificate for www.lab.test: it did not answer in time" in said
    assert (serials(lab), started(lab)) == before
    assert Visitor(provisioned.site()).ask("GET", "/").status == 200
    done = provisioned.azukari("apply", "--tags", "pki", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert provisioned.azukari("plan", timeout=300).returncode == 0


def test_what_visitors_trust_no_longer_is_had_anew(provisioned_lab: Lab) -> None:
    lab = provisioned_lab
    lab.reset("web")
    before = serials(lab)
    issuer.end(lab.layout)
    lab.up()  # another authority: it knows neither us nor what the former one certified
    assert Visitor(provisioned.site()).ask("GET", "/").status == 0
    done = provisioned.azukari("apply", "--tags", "pki", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert serials(lab)["web"] != before["web"]
    assert Visitor(provisioned.site()).ask("GET", "/").status == 200
    judged = provisioned.azukari("verify", "--safeguard", "LEAK-04", timeout=120)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    lab.snapshot("web")  # so that what comes after this test finds a website that is trusted
