"""LEAK-08: mail leaves with TLS, signed with the published key, and none is taken or passed on for anybody."""

import base64
import re

import dkim

from azukari.evidence import drills
from azukari.verify import check, collector, fail_unless_equal, not_applicable, not_evaluated
from azukari.verify.mail import dialogues, published, signature

# --- what the public DNS says -----------------------------------------------------------------------------------------


def key_text(pem):
    """Return the public key of a PEM file as its DKIM record has it."""
    return "".join(line for line in pem.split() if not line.startswith(("-----", "PUBLIC", "KEY-----")))


def promised_records(site):
    """Return {“NAME KIND”: values, sorted} that the public DNS must answer, from the declared site."""
    settings, found = site.settings, {}
    domain = settings.mail_domain if site.group("mail") else None

    def addresses(name, hosts):
        found[f"{name} A"] = sorted(str(host.address) for host in hosts)
        found[f"{name} AAAA"] = sorted(str(host.address6) for host in hosts if host.address6)

    def closed(name, contact):
        issuers = settings.certificate_issuers or [";"]
        told = [*(f'0 issue "{one}"' for one in issuers), '0 issuewild ";"', f'0 iodef "mailto:{contact}"']
        found[f"{name} CAA"] = sorted(told)

    for name in settings.names:
        addresses(name, site.group("web"))
        if name != domain:
            found[f"{name} MX"], found[f"{name} TXT"] = ["0 ."], ["v=spf1 -all"]
        if domain is None or not f".{name}".endswith(f".{domain}"):
            closed(name, settings.contact.email)
            found[f"_dmarc.{name} TXT"] = ["v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"]
    if domain is None:
        return found
    senders = site.group("mail")
    own = [f"ip{a.version}:{a}" for host in senders for a in (host.address, host.address6) if a]
    found[f"{domain} MX"] = sorted(f"10 {name}." for name in settings.mail_servers)
    found[f"{domain} TXT"] = [f"v=spf1 {' '.join(own)} -all"]
    found[f"_dmarc.{domain} TXT"] = [f"v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s; rua=mailto:postmaster@{domain}"]
    closed(domain, settings.contact.email)
    for path in sorted((site.path / "keys" / "dkim").glob("*.pem")):
        record = f"v=DKIM1; k=rsa; h=sha256; s=email; t=s; p={key_text(path.read_text())}"
        found[f"{path.stem}._domainkey.{domain} TXT"] = [record]
    for host in senders:
        name = f"{host.name}.{domain}"
        addresses(name, [host])
        found[f"{name} MX"], found[f"{name} TXT"] = ["0 ."], ["v=spf1 a -all"]
    return found


def answers_of(published):
    """Return the answers, or end the check as not evaluated."""
    if "error" in published:
        not_evaluated(f"the public DNS could not be asked: {published['error']}")
    return published["answers"]


@check("LEAK-08", proof="attempt", hosts="site", vantage="controller", collect=[published])
def test_the_published_records_are_the_declared_ones(site, published):
    """SPF, DKIM, DMARC, CAA and MX are published as declared: who sends, and what never does."""
    answers = answers_of(published)
    promised = promised_records(site)
    found = {question: sorted(answers.get(question, [])) for question in promised}
    fail_unless_equal(
        found={question: tuple(said) for question, said in found.items()},
        promised={question: tuple(said) for question, said in promised.items()},
        where="the public DNS, and `azukari site zone` for what has to be there", what="records",
    )  # fmt: skip
    return f"{sum(len(said) for said in found.values())} records under {len(found)} questions, all as declared"


# --- nothing is taken in ----------------------------------------------------------------------------------------------

SSH = 22


def taken(place, said):
    """Return in words what an open port for mail did; it should not be there at all."""
    (address, port), words = place, []
    if said.get("to", [""])[-1].startswith("2"):
        words.append("takes mail from anybody for anybody")
    if said.get("vrfy", [""])[-1].startswith("25"):
        words.append("tells who has a mailbox")
    if any(re.match(r"250[ -]AUTH", line) for line in said.get("ehlo", [])):
        words.append("asks for passwords in the clear")
    return f"{address} port {port} answers mail" + (f" and {', '.join(words)}" if words else "")


@check("LEAK-08", proof="attempt", hosts="mail", collect=[dialogues])
def test_no_mail_is_taken(host, dialogues):
    """No port for mail answers on the mail host, neither from outside nor from the host itself: nothing to relay by."""
    if "error" in dialogues:
        not_evaluated(f"the dialogues could not be tried: {dialogues['error']}")
    reached = [said["open"] for (_, port), said in dialogues["host"] if port == SSH]
    if not any(reached):
        not_evaluated("not even sshd answered on the host itself: a closed port beside it proves nothing")
    findings = [
        f"{where}: {taken(place, said)}"
        for where in ("outside", "host")
        for place, said in dialogues[where]
        if said["open"] and place[1] != SSH
    ]
    assert not findings, f"{'; '.join(findings)}. Where to look: /etc/postfix/master.cf on {host.name}."
    tried = sum(len(dialogues[where]) for where in ("outside", "host")) - len(reached)
    return f"{tried} attempts to hand in mail, none answered"


# --- how it leaves ----------------------------------------------------------------------------------------------------

SERVICES = {
    "submit": "smtpd", "pickup": "pickup", "cleanup": "cleanup", "qmgr": "qmgr", "tlsmgr": "tlsmgr",
    "rewrite": "trivial-rewrite", "bounce": "bounce", "defer": "bounce", "trace": "bounce", "flush": "flush",
    "proxymap": "proxymap", "smtp": "smtp", "showq": "showq", "error": "error", "retry": "error", "anvil": "anvil",
    "postlog": "postlogd",
}  # fmt: skip
SIGNER = "unix:/run/opendkim/opendkim.sock"
POSTFIX_FILES = ("/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/postfix/from")
FILES = {"postfix.service": POSTFIX_FILES, "opendkim.service": ("/etc/opendkim.conf",)}


def promised_settings(host, site):
    """Return all that main.cf may set, and to what."""
    domain = site.settings.mail_domain
    settings = {
        "compatibility_level": "3.10",
        "myhostname": f"{host.name}.{domain}",
        "mydomain": domain,
        "myorigin": "$mydomain",
        "inet_interfaces": "loopback-only",
        "inet_protocols": "ipv4, ipv6" if host.declared.address6 else "ipv4",
        "smtp_bind_address": str(host.declared.address),
        "mydestination": "",
        "relay_domains": "",
        "mynetworks": "127.0.0.1/32",
        "local_transport": "error:5.1.1 no mail is kept here",
        "local_recipient_maps": "",
        "alias_maps": "",
        "alias_database": "",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "smtpd_sender_restrictions": f"check_sender_access inline:{{ {domain}=OK }}, reject",
        "smtpd_sasl_auth_enable": "no",
        "disable_vrfy_command": "yes",
        "authorized_submit_users": "root",
        "append_dot_mydomain": "no",
        "biff": "no",
        "smtp_tls_security_level": "encrypt",
        "smtp_tls_mandatory_protocols": ">=TLSv1.2",
        "smtp_tls_mandatory_ciphers": "high",
        "smtp_tls_note_starttls_offer": "no",
        "smtpd_milters": SIGNER,
        "non_smtpd_milters": SIGNER,
        "internal_mail_filter_classes": "bounce",
        "milter_default_action": "tempfail",
        "milter_protocol": "6",
        "header_checks": "regexp:/etc/postfix/from",
        "always_add_missing_headers": "yes",
        "maximal_queue_lifetime": "1d",
        "bounce_queue_lifetime": "1d",
        "bounce_size_limit": "1000",
        "message_size_limit": "1048576",
        "notify_classes": "",
    }
    return settings | ({"smtp_bind_address6": str(host.declared.address6)} if host.declared.address6 else {})


@collector()
def mail_settings(host):
    """All that Postfix is set to, in both of its files, and when each file of the mail host's services last changed."""
    asked = {
        name: host.command(["/usr/sbin/postconf", flag])
        for name, flag in (("main", "-n"), ("master", "-M"), ("overrides", "-P"))
    }
    changed = host.command(["stat", "--format=%n %Y", *(path for paths in FILES.values() for path in paths)])
    unit = host.command(["systemctl", "show", "--property=Environment", "--value", "postfix.service"])
    wrong = [one.stderr.strip() for one in (*asked.values(), changed, unit) if one.exit_code]
    if wrong:
        return {"error": wrong[0]}
    main = dict(line.split(" =", 1) for line in asked["main"].stdout.splitlines() if " =" in line)
    return {
        "main": {name: value.strip() for name, value in main.items()},
        "master": [line.split() for line in asked["master"].stdout.splitlines() if line.strip()],
        "overrides": asked["overrides"].stdout.splitlines(),
        "changed": {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in changed.stdout.splitlines()},
        "environment": unit.stdout.strip(),
    }  # fmt: skip


def started(units, name):
    """Return when a unit was started, in seconds since 1970."""
    return int(units["loaded"].get(name, {}).get("ActiveEnterTimestamp", "@0").lstrip("@") or 0)


@check("LEAK-08", hosts="mail", sections=["units"], collect=[mail_settings])
def test_mail_leaves_with_tls_and_signed(host, site, mail_settings):
    """Postfix is set to send with TLS or not at all, to have all mail signed, and to take none from a network."""
    if "error" in mail_settings:
        not_evaluated(f"Postfix's settings cannot be read: {mail_settings['error']}")
    where = f"postconf -n, -M and -P on {host.name}"
    fail_unless_equal(found=mail_settings["main"], promised=promised_settings(host, site), where=where, what="settings")
    services = {(row[0], row[1]): " ".join(row[7:]) for row in mail_settings["master"]}
    promised = {(name, "unix-dgram" if name == "postlog" else "unix"): command for name, command in SERVICES.items()}
    fail_unless_equal(found=services, promised=promised, where=where, what="services")
    fail_unless_equal(found=mail_settings["overrides"], promised=[], where=where, what="settings of single services")
    assert mail_settings["environment"] == "MAIL_CONFIG=/etc/postfix", (
        f"Postfix is started with “{mail_settings['environment']}” and may read other files. "
        f"Where to look: systemctl cat postfix.service on {host.name}."
    )
    units = host.facts["units"]
    late = [
        f"{path} changed after {unit} had read it"
        for unit, paths in FILES.items()
        for path in paths
        if mail_settings["changed"][path] > started(units, unit)
    ]
    assert not late, f"{'; '.join(late)}: what runs may be other than what is written there."
    return (
        f"{len(mail_settings['main'])} settings and {len(services)} services, no others; TLS 1.2 or newer, or not sent"
    )


# --- the signature ----------------------------------------------------------------------------------------------------


def tags(header):
    """Return the tags of a DKIM-Signature header."""
    pairs = (part.split("=", 1) for part in "".join(header.split()).split(";") if "=" in part)
    return dict(pairs)


@check("LEAK-08", proof="attempt", vantage="host", hosts="mail", collect=[signature, published])
def test_mail_is_signed_with_the_published_key(host, site, signature, published):
    """A message that the mail host signs now is verified with the key that the public DNS publishes."""
    answers = answers_of(published)
    if "error" in signature:
        not_evaluated(signature["error"])
    signatures = [value for name, value in signature["added"] if name.lower() == "dkim-signature"]
    assert len(signatures) == 1, (
        f"the message was given {len(signatures)} signatures, promised is one. "
        f"Where to look: /etc/opendkim.conf and `systemctl status opendkim` on {host.name}."
    )
    said, domain = tags(signatures[0]), site.settings.mail_domain
    newest = max(path.stem for path in (site.path / "keys" / "dkim").glob("*.pem"))
    fail_unless_equal(
        found={name: said.get(name) for name in ("d", "s", "a")},
        promised={"d": domain, "s": newest, "a": "rsa-sha256"},
        where=f"/etc/opendkim.conf on {host.name}", what="the signature",
    )  # fmt: skip
    covered = said.get("h", "").lower().split(":")
    missing = {"from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"} - set(covered)
    assert not missing, f"the signature leaves open {', '.join(sorted(missing))}."
    assert covered.count("from") > 1, "a second From could be added without breaking the signature."

    def key(name, timeout=5):
        records = answers.get(f"{name.decode().rstrip('.')} TXT", [])
        return records[0].encode() if records else None

    try:
        verified = dkim.verify(base64.b64decode(signature["message"]), dnsfunc=key)
    except dkim.DKIMException as error:
        verified, why = False, str(error)
    else:
        why = "it was made with another key, or what was signed was changed"
    assert verified, (
        f"the signature does not verify with the published key {newest}._domainkey.{domain}: {why}. "
        f"Where to look: /etc/azukari/mail/dkim.key on {host.name}, keys/dkim of the site, the public DNS."
    )
    bits = len(base64.b64decode(said["b"])) * 8
    return f"{newest}, {bits} bits, verified with the published key"


# --- the drill --------------------------------------------------------------------------------------------------------

DRILL = "mail"
STEPS = re.compile(r"^a message")


@collector(scope="site")
def mail_drills(site):
    """The newest signed mail drills, each with what the signature says of it."""
    return drills.drills(site, DRILL)


@check("LEAK-08", proof="drill", hosts="site", collect=[mail_drills])
def test_a_message_arrived_as_promised(site, run, mail_drills):
    """In the newest drill, a message left by TLS alone, from where SPF says, and its signature was verified."""
    if not site.group("mail"):
        not_applicable("the site sends no mail")
    hosts = {host.name for host in site.group("mail")[:1]}
    return drills.newest_drill(site, run, mail_drills, DRILL, STEPS, hosts)
