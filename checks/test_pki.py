"""LEAK-04: TLS certificates with the right names and chain, a third of their life left, closed keys, living renewal."""

import itertools
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from azukari.errors import Unreachable
from azukari.ssh.tls import Place, chain
from azukari.ssh.trust import visitors_trust
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.systemd import moment, shown
from azukari.verify.website import form_paths

FOLDER = "/etc/azukari/tls"
LONGEST = 397  # days; CA/Browser Forum Baseline Requirements 6.3.2 at the time of writing

# Which keys lie on which hosts, who may read them, and whose names their certificates bear.
HOST = ("host", "0600 root:root")
PUBLIC = ("public", "0640 root:www-data")
TIME = ("time", "0640 root:_chrony")


def promised_keys(site, host):
    """Return {name: (mode and owner of the key, names in the certificate)} of a host."""
    found = {HOST[0]: (HOST[1], {host.name})}
    if "web" in host.groups:
        found[PUBLIC[0]] = (PUBLIC[1], set(site.settings.names))
    if host.name == site.group("bastion")[0].name:
        found[TIME[0]] = (TIME[1], {host.name})
    if "app" in host.groups:
        found["intake"] = ("0600 root:root", {"intake"})  # the database's role, which the forms are there
    if "mail" in host.groups and form_paths(site, "mail_service"):
        found |= {role: ("0600 root:root", {role}) for role in ("letters", "finder")}  # those of the mail tier
    return found


def authority(site, domain):
    """Return a domain's TLS CA (PEM) as the site declares it."""
    path = site.path / "keys" / "ca" / f"{domain}_tls.pem"
    if not path.is_file():
        not_evaluated(f"{path} is missing, so that no chain can be judged")
    return path.read_text()


def certificates_of(host):
    """Return {path: [certificates]} of the host's TLS folder, and {path: metadata}."""
    files = {one["path"]: one for one in host.facts["certificates"]["tls"] if one["path"].startswith(FOLDER + "/")}
    read = {
        path: [x509.load_pem_x509_certificate(pem.encode()) for pem in one["certificates"]]
        for path, one in files.items()
    }
    return read, files


def names_in(certificate):
    """Return the subject alternative names of a certificate."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in found}


def age_findings(path, certificate, now):
    """Return what is wrong with a certificate's dates."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left, life = end - now, end - start
    if now < start:
        return [f"{path} is valid only from {start:%Y-%m-%d}"]
    if left < life / 3:
        return [f"{path} ends on {end:%Y-%m-%d}: {max(left.days, 0)} of {life.days} days are left, promised is a third"]
    return [f"{path} is valid for {life.days} days, promised are at most {LONGEST}"] if life.days > LONGEST else []


def issued(certificate, ca):
    """Tell whether a certificate was issued by this CA."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def issuer_findings(path, certificate, ca):
    """Return what is wrong with the issuer of a certificate for the inside."""
    return [] if issued(certificate, ca) else [f"{path} was not issued by {ca.subject.rfc4514_string()}"]


def public_findings(path, chain, own_ca):
    """Return what is wrong with a chain that ends outside: it holds together, and the own CA has no part in it."""
    if issued(chain[0], own_ca):
        return [f"{path} is still of the site's own CA, which visitors do not trust; promised is one by ACME"]
    if issued(chain[0], chain[0]):
        return [f"{path} was issued by itself; promised is one by ACME"]
    broken = [above for own, above in itertools.pairwise(chain) if not issued(own, above)]
    return [f"{path} holds {one.subject.rfc4514_string()}, which issued nothing before it" for one in broken]


def own_findings(path, certificate, names):
    """Return what is wrong with a certificate's names and key."""
    findings = []
    if names_in(certificate) != names:
        found = ", ".join(sorted(names_in(certificate))) or "nobody"
        findings.append(f"{path} names {found}, promised is {', '.join(sorted(names))}")
    key = certificate.public_key()
    strong = (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= 256)
        or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 3072)
    )
    return findings if strong else [*findings, f"{path} has a key weaker than CRYPTREC's list allows"]


@check("LEAK-04", sections=["certificates"])
def test_certificates_are_the_declared_ones(host, site, run):
    """Every certificate of the host has the declared names, the right CA, and at least a third of its life left."""
    read, _ = certificates_of(host)
    ca = x509.load_pem_x509_certificate(authority(site, host.domain).encode())
    findings = []
    for name, (_, names) in promised_keys(site, site.hosts[host.name]).items():
        path = f"{FOLDER}/{name}.pem"
        if not read.get(path):
            findings.append(f"{path} holds no certificate")
            continue
        own, *above = read[path]
        if name == PUBLIC[0] and site.settings.acme:
            # Whom visitors trust is not asked of the host: test_visitors_see_the_right_certificate is there for that.
            findings += own_findings(path, own, names) + public_findings(path, [own, *above], ca)
        else:
            findings += own_findings(path, own, names) + issuer_findings(path, own, ca)
        findings += age_findings(path, own, run.now)
    assert not findings, f"{'; '.join(findings)}. Where to look: {FOLDER} on {host.name}."
    return "names, chain and age are as promised"


@check("LEAK-04", sections=["certificates"])
def test_trust_is_in_the_declared_authorities_only(host, site):
    """The host trusts the CAs of the site's domains, and where only its own domain counts that one, and no others."""
    read, files = certificates_of(host)
    domains = sorted({one.domain for one in site.hosts.values()})
    for name, trusted in (("ca.pem", domains), ("domain_ca.pem", [host.domain])):
        bundle, found = f"{FOLDER}/{name}", read.get(f"{FOLDER}/{name}", [])
        promised = {x509.load_pem_x509_certificate(authority(site, domain).encode()) for domain in trusted}
        fail_unless_equal(
            found={one.subject.rfc4514_string() for one in found},
            promised={one.subject.rfc4514_string() for one in promised},
            where=f"{bundle} on {host.name}",
            what="trusted CAs",
        )
        assert set(found) == promised, f"{bundle} on {host.name} holds a CA of a declared name with another key"
        assert files[bundle]["mode"] == "0644", f"{bundle} has mode {files[bundle]['mode']}, promised is 0644"
    return f"{len(domains)} CAs, all declared"


@check("LEAK-04", sections=["certificates"])
def test_keys_are_closed(host, site):
    """Private keys can be read by root and by the one service that needs them; there are no others."""
    _, files = certificates_of(host)
    promised = {
        f"{FOLDER}/{name}.key": access for name, (access, _) in promised_keys(site, site.hosts[host.name]).items()
    }
    found = {
        path: f"{one['mode']} {one['owner']}:{one['group']}" for path, one in files.items() if not path.endswith(".pem")
    }
    fail_unless_equal(found=found, promised=promised, where=f"ls -l {FOLDER} on {host.name}", what="keys")
    return f"{len(found)} keys, closed"


TIMER, SERVICE = "azukari-certificate-age.timer", "azukari-certificate-age.service"
OLDEST_LOOK = 26 * 3600  # seconds; the timer is daily, with an hour of chance


WANTED = (
    "Id,LoadState,ActiveState,UnitFileState,Result,ExecMainStatus,ExecMainStartTimestamp,NextElapseUSecRealtime"
    ",ActiveEnterTimestamp,FragmentPath,DropInPaths"
)


@collector()
def watch_over_age(host):
    """The state of the timer that looks at certificates' age, and of its last look."""
    return shown(host, WANTED, (TIMER, SERVICE))


def must_be_alive(host, said, timer, services, oldest, now):
    """Fail unless a timer runs as it was installed, will run again, and its last run is young; services as declared."""
    where = f"systemctl status {timer} on {host.name}"
    of_timer = said.get(timer, {})
    states = {key: of_timer.get(key) for key in ("LoadState", "ActiveState", "UnitFileState")}
    promised = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    fail_unless_equal(found=states, promised=promised, where=where, what=timer)
    for unit in (timer, *services):
        own = said.get(unit, {})
        fail_unless_equal(
            found=(own.get("FragmentPath"), own.get("DropInPaths")), promised=(f"/etc/systemd/system/{unit}", ""),
            where=f"systemctl cat {unit} on {host.name}", what=f"files of {unit}",
        )  # fmt: skip
    assert of_timer.get("NextElapseUSecRealtime"), (
        f"{timer} on {host.name} will never run again. Where to look: {where}."
    )
    ran = moment(said.get(services[0], {}).get("ExecMainStartTimestamp", ""))
    age = now.timestamp() - (ran or moment(of_timer.get("ActiveEnterTimestamp", "")))
    assert age < oldest, f"the last run of {services[0]} is {age / 3600:.0f} hours old. Where to look: {where}."


@check("LEAK-04", collect=[watch_over_age])
def test_their_age_is_watched(host, watch_over_age, run):
    """The timer that looks at certificates' age is alive, and its last look found nothing."""
    must_be_alive(host, watch_over_age, TIMER, (SERVICE,), OLDEST_LOOK, run.now)
    assert watch_over_age[SERVICE].get("Result") == "success", (
        f"the last look found a certificate that ends soon. Where to look: journalctl -u {SERVICE} on {host.name}."
    )
    return "the watch is alive and found nothing"


RENEWAL, RENEWED, INSTALLED = "azukari-acme.timer", "azukari-acme.service", "azukari-acme-install.service"
OLDEST_RENEWAL = 28 * 3600  # seconds; the timer is daily, with three hours of chance
RENEWING = {
    RENEWED: "/usr/local/libexec/azukari-acme renew",
    INSTALLED: "/usr/local/libexec/azukari-acme install",
}


@collector()
def renewal(host):
    """The state of the timer that renews the public names' certificate, and of what it starts."""
    return shown(host, f"{WANTED},ExecStart,OnSuccess,User", (RENEWAL, *RENEWING))


def started(said):
    """Return the command lines of a unit, in systemd's words for them."""
    return [words.split(" ;")[0] for words in said.get("ExecStart", "").split("argv[]=")[1:]]


@check("LEAK-04", hosts="web", collect=[renewal])
def test_renewal_is_alive(host, site, renewal, run):
    """The timer that renews the public names' certificate is alive, and its last run succeeded."""
    if site.settings.acme is None:
        not_applicable("the site's own CA signs the public names' certificate, in `apply`")
    must_be_alive(host, renewal, RENEWAL, (*RENEWING,), OLDEST_RENEWAL, run.now)
    fail_unless_equal(
        found={unit: started(renewal[unit]) for unit in RENEWING},
        promised={unit: [command] for unit, command in RENEWING.items()},
        where=f"systemctl show {RENEWED} on {host.name}", what="programs of the renewal",
    )  # fmt: skip
    found = (renewal[RENEWED].get("User"), renewal[RENEWED].get("OnSuccess"))
    promised = ("_acme", INSTALLED)
    fail_unless_equal(found=found, promised=promised, where=f"systemctl cat {RENEWED}", what="account and successor")
    for unit in RENEWING:
        assert renewal[unit].get("Result") == "success", (
            f"the last run of {unit} failed. Where to look: journalctl -u {unit} on {host.name}."
        )
    return "the renewal is alive, and its last run succeeded"


@collector(proof="attempt")
def shown_certificates(host, site, run):
    """What the public web server shows to a visitor of each declared name, over IPv4 and IPv6."""
    trusted, found = visitors_trust(site), []
    for address in (host.declared.address, host.declared.address6):
        for name in site.settings.names if address else ():
            try:
                shown = chain(Place(str(address), 443, name, namespace=run.outside.namespace), trusted)
            except Unreachable as error:
                found.append({"name": name, "address": str(address), "error": error.message})
                continue
            own = shown.certificates[0]
            found.append(
                {
                    "name": name, "address": str(address), "trusted": shown.trusted, "problem": shown.problem,
                    "names": sorted(names_in(own)), "start": own.not_valid_before_utc.timestamp(),
                    "end": own.not_valid_after_utc.timestamp(),
                }
            )  # fmt: skip
    return found


def shown_findings(found, names, now):
    """Return what is wrong with the certificates that a visitor sees."""
    findings = []
    for one in found:
        place = f"{one['name']} at {one['address']}"
        if not one["trusted"]:
            findings.append(f"a visitor of {place} is warned: {one['problem']}")
        if set(one["names"]) != set(names):
            findings.append(f"{place} shows a certificate for {', '.join(one['names'])}")
        if one["end"] - now.timestamp() < (one["end"] - one["start"]) / 3:
            findings.append(
                f"{place} shows a certificate that ends on {datetime.fromtimestamp(one['end'], UTC):%Y-%m-%d}"
            )
    return findings


@check("LEAK-04", proof="attempt", hosts="web", collect=[shown_certificates])
def test_visitors_see_the_right_certificate(host, site, shown_certificates, run):
    """From outside, each name shows a trusted certificate with the declared names and a third of its life left."""
    unreachable = [one["error"] for one in shown_certificates if "error" in one]
    if unreachable:
        not_evaluated("; ".join(unreachable))
    findings = shown_findings(shown_certificates, site.settings.names, run.now)
    assert not findings, f"{'; '.join(findings)}. Where to look: {FOLDER}/public.pem on {host.name}."
    return f"{len(shown_certificates)} certificates seen from outside, all trusted"
