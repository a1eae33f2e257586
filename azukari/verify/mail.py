"""What the public DNS says of the site, whether its mail host takes mail from anybody, and with which key it signs.

It collects and judges nothing; the checks of the role `mail` judge.
"""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dns.exception
import dns.name
import dns.resolver

from azukari.site import Site
from azukari.site.zone import selectors, sending_name
from azukari.verify.authoring import collector
from azukari.verify.host import CheckHost, RunContext

PATIENCE = 6.0  # seconds for all tries of one question


def questions(site: Site) -> list[tuple[str, str]]:
    """Return what is asked of the public DNS: (name, kind), each once."""
    asked = [(name, kind) for name in site.settings.names for kind in ("A", "AAAA", "MX", "TXT")]
    tops = list(site.settings.names)
    if site.group("mail"):
        domain = str(site.settings.mail_domain)
        senders = [sending_name(site, host) for host in site.group("mail")]
        asked += [(domain, "MX"), (domain, "TXT"), (f"_dmarc.{domain}", "TXT"), (domain, "CAA")]
        asked += [(f"{selector}._domainkey.{domain}", "TXT") for selector in selectors(site)]
        asked += [(name, kind) for name in senders for kind in ("A", "AAAA", "MX", "TXT")]
        tops = [name for name in tops if not name.endswith(f".{domain}") and name != domain]
    asked += [one for name in tops for one in ((name, "CAA"), (f"_dmarc.{name}", "TXT"))]
    return list(dict.fromkeys(asked))


def asking(site: Site) -> dns.resolver.Resolver:
    """Whom to ask: the lab's own name server, which is the whole world there; else the resolvers of this machine."""
    if not site.lab or site.upstream is None:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [str(address) for address in site.upstream.resolvers]
    return resolver


@collector(proof="attempt", scope="site")
def published(site: Site) -> dict[str, Any]:
    """What the public DNS answers about the site: by “NAME KIND”, the values, or an error."""
    try:
        resolver = asking(site)
    except dns.resolver.NoResolverConfiguration as error:
        return {"error": f"this machine has no resolver: {error}"}

    def ask(question: tuple[str, str]) -> list[str] | str:
        name, kind = question
        try:
            found = resolver.resolve(dns.name.from_text(name), kind, search=False, lifetime=PATIENCE)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            return str(error)
        if kind == "TXT":
            return sorted(b"".join(one.strings).decode("utf-8", "replace") for one in found)
        return sorted(one.to_text() for one in found)

    asked = questions(site)
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = dict(zip([" ".join(one) for one in asked], pool.map(ask, asked), strict=True))
    failed = {question: said for question, said in answers.items() if isinstance(said, str)}
    if failed:
        question, said = next(iter(failed.items()))
        return {"error": f"{len(failed)} questions got no answer, the first “{question}”: {said}"}
    return {"answers": answers}


# Runs on the mail host as the audit account, and from outside. Nothing is sent: it stops before any message.
DIALOGUE = """
import concurrent.futures, json, socket, sys
ASKED = [
    ["banner", ""], ["ehlo", "EHLO probe.invalid"], ["vrfy", "VRFY postmaster"],
    ["from", "MAIL FROM:<somebody@elsewhere.invalid>"], ["to", "RCPT TO:<reader@another.invalid>"], ["quit", "QUIT"],
]
def reply(file):
    lines = []
    while len(lines) < 50:
        line = file.readline(2000).decode("latin-1").rstrip()
        lines.append(line)
        if line[3:4] != "-":
            break
    return lines
def talk(place):
    address, port = place
    try:
        one = socket.create_connection((address, port), 2)
    except OSError as error:
        return {"open": False, "said": error.strerror or str(error)}
    said = {"open": True}
    with one:
        one.settimeout(4)
        try:
            with one.makefile("rwb") as file:
                for what, line in ASKED if port != 22 else []:
                    if line:
                        file.write(line.encode() + b"\\r\\n")
                        file.flush()
                    said[what] = reply(file)
        except OSError as error:
            said["error"] = error.strerror or str(error)
    return said
places = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(zip(places, pool.map(talk, places)))))
"""
PORTS = (25, 465, 587)
SSH = 22  # must answer on the host itself, or a closed port beside it would prove nothing


@collector(proof="attempt")
def dialogues(host: CheckHost, site: Site, run: RunContext) -> dict[str, Any]:
    """What the mail host says to whoever wants to hand in mail, from outside and on the host itself."""
    declared = site.hosts[host.name]
    own = [str(address) for address in (declared.address, declared.address6) if address]
    outside = json.dumps([[address, port] for address in own for port in PORTS])
    inside = json.dumps([[address, port] for address in (*own, "127.0.0.1", "::1") for port in PORTS] + [[own[0], SSH]])
    with ThreadPoolExecutor(1) as pool:
        meanwhile = pool.submit(run.outside.run, [sys.executable, "-I", "-c", DIALOGUE, outside], timeout=60)
        answer = host.command(["python3", "-I", "-c", DIALOGUE, inside], seconds=60, fresh=True)
        done = meanwhile.result()
    if done.returncode or answer.exit_code:
        words = (done.stderr.strip() or answer.stderr.strip()).splitlines() or ["no answer"]
        return {"error": words[-1]}
    return {"outside": json.loads(done.stdout), "host": json.loads(answer.stdout)}


SIGNATURE = "/run/azukari-signature.socket"
ASK = f"""
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.settimeout(20)
one.connect({SIGNATURE!r})
while said := one.recv(65536):
    sys.stdout.buffer.write(said)
"""


@collector(proof="attempt")
def signature(host: CheckHost) -> dict[str, Any]:
    """A message that goes nowhere, as the mail host's signer signs it now.

    The message is azukari's own and names nobody. It is kept as base64: evidence has addresses taken out, and what was
    signed could not be verified again without them.
    """
    answer = host.command(["python3", "-I", "-c", ASK], seconds=30, fresh=True)
    if answer.exit_code:
        return {"error": (answer.stderr.strip().splitlines() or ["no answer"])[-1]}
    try:
        said: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        return {"error": "the program that asks the signer gave no answer"}
    if "error" in said:
        return said
    return {"added": said["added"], "message": base64.b64encode(whole_message(said)).decode()}


def whole_message(said: dict[str, Any]) -> bytes:
    """Return the signed message, the added headers first, as it would leave."""
    lines = [f"{name}: {value}" for name, value in (*reversed(said["added"]), *said["headers"])]
    text = "\n".join(lines) + "\n\n"
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode() + str(said["body"]).encode()
