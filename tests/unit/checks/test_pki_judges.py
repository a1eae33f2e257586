"""The judges of LEAK-04, with certificates of a CA made for the test."""

import dataclasses
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from azukari.people import tls_certificates
from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_pki as judged

NOW = datetime.now(UTC)
RUN = SimpleNamespace(now=NOW)
DOMAINS = ("production", "vault", "log")


@pytest.fixture(scope="module")
def authorities():
    return {domain: ec.generate_private_key(ec.SECP256R1()) for domain in DOMAINS}


@pytest.fixture(scope="module")
def site(lab_site, authorities):
    folder = lab_site.path / "keys" / "ca"
    folder.mkdir(parents=True, exist_ok=True)
    for domain, key in authorities.items():
        (folder / f"{domain}_tls.pem").write_text(tls_certificates.root("lab", domain, key))
    return lab_site


def leaf(site, key, *names, days=90, age=0, curve=None, domain="production"):
    """A certificate as the domain's CA would sign it, but for what the test asks."""
    issuer = x509.load_pem_x509_certificate((site.path / f"keys/ca/{domain}_tls.pem").read_bytes())
    start = NOW - timedelta(days=age, minutes=1)
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(issuer.subject)
        .public_key(ec.generate_private_key(curve or ec.SECP256R1()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )


OUTSIDE, MIDDLE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def outside(name, key, issuer, signer, *names, days=90, age=0):
    """A certificate of authorities that no site has anything to do with."""
    start = NOW - timedelta(days=age, minutes=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    return made.sign(signer, hashes.SHA256())


def public(*names, days=90, age=0, curve=None):
    """The public names' certificate as an authority outside gives it, with the one between."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    own = outside("www", key, "middle", MIDDLE, *names, days=days, age=age)
    return [own, outside("middle", MIDDLE, "root", OUTSIDE)]


def pem(*certificates):
    return [one.public_bytes(Encoding.PEM).decode() for one in certificates]


def entry(path, mode="0644", owner="root", group="root", certificates=()):
    found = {"path": f"/etc/azukari/tls/{path}", "kind": "file", "mode": mode, "owner": owner, "group": group}
    return {**found, "certificates": list(certificates)}


def web(site, authorities, **more):
    host = leaf(site, authorities["production"], "web")
    roots = [(site.path / f"keys/ca/{domain}_tls.pem").read_text() for domain in DOMAINS]
    files = {
        "ca.pem": entry("ca.pem", certificates=roots),
        "domain_ca.pem": entry("domain_ca.pem", certificates=roots[:1]),
        "host.key": entry("host.key", "0600"),
        "host.pem": entry("host.pem", certificates=pem(host)),
        "public.key": entry("public.key", "0640", group="www-data"),
        "public.pem": entry("public.pem", certificates=pem(*public("www.lab.test"))),
    }
    files |= {".".join(name.rsplit("_", 1)): one for name, one in more.items()}
    facts = {"certificates": {"tls": [one for one in files.values() if one]}}
    return SimpleNamespace(name="web", domain="production", facts=facts)


def test_what_apply_made_holds(site, authorities):
    host = web(site, authorities)
    judged.test_certificates_are_the_declared_ones(host, site, RUN)
    judged.test_trust_is_in_the_declared_authorities_only(host, site)
    judged.test_keys_are_closed(host, site)


def test_every_fault_of_a_certificate_is_named(site, authorities):
    own, other = authorities["production"], authorities["vault"]
    wrong = {
        "ends on": leaf(site, own, "web", age=61),
        "valid only from": leaf(site, own, "web", age=-2),
        "at most 397": leaf(site, own, "web", days=500),
        "names app": leaf(site, own, "app"),
        "names app, web": leaf(site, own, "web", "app"),
        "was not issued by": leaf(site, other, "web"),
        "weaker": leaf(site, own, "web", curve=ec.SECP192R1()),
    }
    for said, certificate in wrong.items():
        host = web(site, authorities, host_pem=entry("host.pem", certificates=pem(certificate)))
        with pytest.raises(AssertionError, match=said):
            judged.test_certificates_are_the_declared_ones(host, site, RUN)
    with pytest.raises(AssertionError, match="no certificate"):
        judged.test_certificates_are_the_declared_ones(web(site, authorities, host_pem=None), site, RUN)


def test_every_fault_of_the_public_certificate_is_named(site, authorities):
    own, between = public("www.lab.test")
    stranger = outside("stranger", MIDDLE, "root", OUTSIDE)
    key = ec.generate_private_key(ec.SECP256R1())
    wrong = {
        "still of the site's own CA": [leaf(site, authorities["production"], "www.lab.test")],
        "issued by itself": [outside("www", key, "www", key, "www.lab.test")],
        "names www.other.test": public("www.other.test"),
        "ends on": public("www.lab.test", age=61),
        "at most 397": public("www.lab.test", days=500),
        "weaker": public("www.lab.test", curve=ec.SECP192R1()),
        "issued nothing before it": [own, stranger],
        "CN=root, which issued nothing": [own, outside("root", OUTSIDE, "root", OUTSIDE), between],
    }
    for said, chain in wrong.items():
        host = web(site, authorities, public_pem=entry("public.pem", certificates=pem(*chain)))
        with pytest.raises(AssertionError, match=said):
            judged.test_certificates_are_the_declared_ones(host, site, RUN)


def test_without_acme_the_own_ca_certifies_the_public_names(site, authorities):
    settings = site.settings.model_copy(update={"acme": None})
    own = dataclasses.replace(site, settings=settings)
    signed = leaf(site, authorities["production"], "www.lab.test")
    host = web(site, authorities, public_pem=entry("public.pem", certificates=pem(signed)))
    judged.test_certificates_are_the_declared_ones(host, own, RUN)
    with pytest.raises(AssertionError, match="was not issued by"):
        judged.test_certificates_are_the_declared_ones(web(site, authorities), own, RUN)
    with pytest.raises(NotApplicable, match="own CA"):
        judged.test_renewal_is_alive(HOST, own, {}, RUN)


def test_a_third_of_life_is_enough(site, authorities):
    host = web(
        site,
        authorities,
        host_pem=entry("host.pem", certificates=pem(leaf(site, authorities["production"], "web", age=59))),
    )
    judged.test_certificates_are_the_declared_ones(host, site, RUN)


@pytest.mark.parametrize("domains", [DOMAINS[:2], ()])
def test_a_missing_authority_is_found(site, authorities, domains):
    roots = [(site.path / f"keys/ca/{domain}_tls.pem").read_text() for domain in domains]
    host = web(site, authorities, ca_pem=entry("ca.pem", certificates=roots))
    with pytest.raises(AssertionError):
        judged.test_trust_is_in_the_declared_authorities_only(host, site)


@pytest.mark.parametrize("domains", [(), ("vault",), DOMAINS])
def test_for_its_own_domain_a_host_trusts_that_domains_authority_alone(site, authorities, domains):
    roots = [(site.path / f"keys/ca/{domain}_tls.pem").read_text() for domain in domains]
    foreign = tls_certificates.root("lab", "production", ec.generate_private_key(ec.SECP256R1()))
    for wrong in (roots, [foreign]):
        host = web(site, authorities, domain_ca_pem=entry("domain_ca.pem", certificates=wrong))
        with pytest.raises(AssertionError, match="domain_ca"):
            judged.test_trust_is_in_the_declared_authorities_only(host, site)
    own = (site.path / "keys/ca/production_tls.pem").read_text()
    open_to_all = entry("domain_ca.pem", "0666", certificates=[own])
    with pytest.raises(AssertionError, match="0666"):
        judged.test_trust_is_in_the_declared_authorities_only(web(site, authorities, domain_ca_pem=open_to_all), site)


def test_a_foreign_authority_is_found_also_under_a_declared_name(site, authorities):
    roots = [(site.path / f"keys/ca/{domain}_tls.pem").read_text() for domain in DOMAINS]
    foreign = tls_certificates.root("lab", "production", ec.generate_private_key(ec.SECP256R1()))
    for bundle in ([*roots, foreign], [foreign, *roots[1:]]):
        host = web(site, authorities, ca_pem=entry("ca.pem", certificates=bundle))
        with pytest.raises(AssertionError):
            judged.test_trust_is_in_the_declared_authorities_only(host, site)


@pytest.mark.parametrize(
    "more",
    [
        {"host_key": entry("host.key", "0644")},
        {"host_key": entry("host.key", "0600", owner="www-data")},
        {"public_key": entry("public.key", "0640")},
        {"host_key": None},
        {"spare_key": entry("spare.key", "0600")},
    ],
    ids=["readable", "another owner", "another group", "gone", "one more"],
)
def test_an_open_missing_or_unknown_key_is_found(site, authorities, more):
    with pytest.raises(AssertionError, match=r"\.key"):
        judged.test_keys_are_closed(web(site, authorities, **more), site)


def watch(timer=None, service=None):
    folder = "/etc/systemd/system/"
    return {
        judged.TIMER: {
            "LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "DropInPaths": "",
            "FragmentPath": folder + judged.TIMER, "NextElapseUSecRealtime": "soon",
            "ActiveEnterTimestamp": f"@{NOW.timestamp() - 60:.0f}", **(timer or {}),
        },
        judged.SERVICE: {
            "FragmentPath": folder + judged.SERVICE, "DropInPaths": "", "Result": "success",
            "ExecMainStartTimestamp": "", **(service or {}),
        },
    }  # fmt: skip


HOST = SimpleNamespace(name="web")


def test_a_living_watch_holds():
    judged.test_their_age_is_watched(HOST, watch(), RUN)
    long_ago, lately = f"@{NOW.timestamp() - 90 * 86400:.0f}", f"@{NOW.timestamp() - 3600:.0f}"
    looked = watch({"ActiveEnterTimestamp": long_ago}, {"ExecMainStartTimestamp": lately})
    judged.test_their_age_is_watched(HOST, looked, RUN)


@pytest.mark.parametrize(
    "wrong",
    [
        watch({"ActiveState": "inactive"}),
        watch({"UnitFileState": "disabled"}),
        watch({"UnitFileState": "masked", "LoadState": "masked"}),
        watch({"NextElapseUSecRealtime": ""}),
        watch({"DropInPaths": "/etc/systemd/system/x.conf"}),
        watch(service={"DropInPaths": "/etc/systemd/system/x.conf"}),
        watch(service={"Result": "exit-code"}),
        watch({"ActiveEnterTimestamp": f"@{NOW.timestamp() - 90 * 86400:.0f}"}),
        {},
    ],
    ids=[
        "stopped",
        "disabled",
        "masked",
        "never",
        "timer changed",
        "service changed",
        "found one",
        "long ago",
        "absent",
    ],
)
def test_a_dead_watch_is_found(wrong):
    with pytest.raises(AssertionError):
        judged.test_their_age_is_watched(HOST, wrong, RUN)


def renewing(timer=None, renewed=None, installed=None):
    folder = "/etc/systemd/system/"

    def service(name, verb, **more):
        program = "/usr/local/libexec/azukari-acme"
        start = f"{{ path={program} ; argv[]={program} {verb} ; ignore_errors=no ; start_time=[n/a] }}"
        return {
            "FragmentPath": folder + name, "DropInPaths": "", "Result": "success", "ExecStart": start, "User": "",
            "ExecMainStartTimestamp": "", **more,
        }  # fmt: skip

    own = {"User": "_acme", "OnSuccess": judged.INSTALLED}
    return {
        judged.RENEWAL: watch(timer)[judged.TIMER] | {"FragmentPath": folder + judged.RENEWAL} | (timer or {}),
        judged.RENEWED: service(judged.RENEWED, "renew", **own) | (renewed or {}),
        judged.INSTALLED: service(judged.INSTALLED, "install") | (installed or {}),
    }


def test_a_living_renewal_holds(site):
    judged.test_renewal_is_alive(HOST, site, renewing(), RUN)
    long_ago, lately = f"@{NOW.timestamp() - 90 * 86400:.0f}", f"@{NOW.timestamp() - 27 * 3600:.0f}"
    ran = renewing({"ActiveEnterTimestamp": long_ago}, {"ExecMainStartTimestamp": lately})
    judged.test_renewal_is_alive(HOST, site, ran, RUN)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (renewing({"ActiveState": "inactive"}), "ActiveState"),
        (renewing({"UnitFileState": "disabled"}), "UnitFileState"),
        (renewing({"NextElapseUSecRealtime": ""}), "will never run again"),
        (renewing({"DropInPaths": "/run/systemd/system/x.conf"}), r"files of azukari-acme\.timer"),
        (renewing(renewed={"DropInPaths": "/etc/systemd/system/x.conf"}), r"files of azukari-acme\.service"),
        (renewing(installed={"FragmentPath": "/run/x"}), r"files of azukari-acme-install\.service"),
        (renewing(renewed={"Result": "exit-code"}), r"last run of azukari-acme\.service failed"),
        (renewing(installed={"Result": "exit-code"}), r"last run of azukari-acme-install\.service failed"),
        (renewing(renewed={"ExecStart": "{ path=/bin/true ; argv[]=/bin/true ; x }"}), "programs of the renewal"),
        (renewing(renewed={"User": "root"}), "account and successor"),
        (renewing(renewed={"OnSuccess": ""}), "account and successor"),
        (renewing({"ActiveEnterTimestamp": f"@{NOW.timestamp() - 90 * 86400:.0f}"}), "hours old"),
        ({}, "azukari-acme"),
    ],
)
def test_a_dead_renewal_is_found(site, wrong, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_renewal_is_alive(HOST, site, wrong, RUN)


def shown(**more):
    start = NOW.timestamp() - 86400
    found = {
        "name": "www.lab.test",
        "address": "198.18.64.11",
        "trusted": True,
        "problem": "",
        "names": ["www.lab.test"],
    }
    return [{**found, "start": start, "end": start + 90 * 86400, **more}]


def test_what_visitors_see(site):
    judged.test_visitors_see_the_right_certificate(HOST, site, shown(), RUN)
    for wrong in ({"trusted": False, "problem": "expired"}, {"names": ["other.test"]}, {"end": NOW.timestamp() + 3600}):
        with pytest.raises(AssertionError):
            judged.test_visitors_see_the_right_certificate(HOST, site, shown(**wrong), RUN)
    with pytest.raises(NotEvaluated):
        judged.test_visitors_see_the_right_certificate(HOST, site, [{"error": "no answer"}], RUN)
