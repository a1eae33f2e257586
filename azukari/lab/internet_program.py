"""What the lab has in place of the internet: a name server with the site's zone, and the readers' mail server.

Run by `azukari lab up` in the network namespace of the vantage, with the folder of `azukari.lab.internet` as argument.
"""

import asyncio
import base64
import json
import os
import socket
import socketserver
import ssl
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rrset
import dns.zonefile
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

KEPT = 200  # messages; the oldest go
_LARGEST = 1 << 20  # bytes of a message
_PATIENCE = 4.0  # seconds for an answer from outside
_DATAGRAM = 512  # bytes, unless the question allows more (RFC 1035 section 4.2.1)


# --- names ------------------------------------------------------------------------------------------------------------


class Names:
    """Answers for a zone in a file, which is read again when it changes; all other questions are passed on."""

    def __init__(self, zone: Path, resolvers: tuple[str, ...]) -> None:
        self._zone, self._resolvers = zone, resolvers
        self._read: float = -1
        self._sets: list[dns.rrset.RRset] = []
        self._lock = threading.Lock()

    def answer(self, wire: bytes, *, datagram: bool) -> bytes:
        """Return the answer to a question as it came over the network."""
        query = dns.message.from_wire(wire)
        whole = self.of_zone(query) or self._from_outside(query)
        largest = max(query.payload, _DATAGRAM) if datagram else 65535
        try:
            return whole.to_wire(max_size=largest)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def of_zone(self, query: dns.message.Message) -> dns.message.Message | None:
        """Return the zone's own answer; None for a name that is not below any of its tops."""
        sets = self._known()
        asked = query.question[0]
        top = next((top for top in _tops(sets) if asked.name.is_subdomain(top)), None)
        if top is None:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = [one for one in sets if one.name == asked.name and one.rdtype == asked.rdtype]
        if not reply.answer:
            # No answer is believed for some seconds only, so that what is published next is seen.
            said = f"ns.invalid. postmaster.invalid. {int(self._read)} 3600 600 86400 5"
            reply.authority = [dns.rrset.from_text(top, 5, "IN", "SOA", said)]
            if not any(one.name.is_subdomain(asked.name) for one in sets):
                reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    def _known(self) -> list[dns.rrset.RRset]:
        changed = self._zone.stat().st_mtime
        with self._lock:
            if changed != self._read:
                self._sets = dns.zonefile.read_rrsets(self._zone.read_text("utf-8"), rdclass=None)
                self._read = changed
            return self._sets

    def _from_outside(self, query: dns.message.Message) -> dns.message.Message:
        for resolver in self._resolvers:
            try:
                return dns.query.udp_with_fallback(query, resolver, timeout=_PATIENCE)[0]
            except (dns.exception.DNSException, OSError):
                continue
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply


def _tops(sets: list[dns.rrset.RRset]) -> list[dns.name.Name]:
    """Return the names of which no other served name is the parent."""
    names = {one.name for one in sets}
    return [name for name in names if not any(name != other and name.is_subdomain(other) for other in names)]


class _Server(socketserver.BaseServer):
    """A server that knows the names; what it is made of besides differs."""

    names: Names


class _Datagram(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        wire, reply_by = self.request
        reply_by.sendto(self.server.names.answer(wire, datagram=True), self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    server: _Server
    timeout = _PATIENCE * 3

    def handle(self) -> None:
        while len(size := self.rfile.read(2)) == 2:
            wire = self.rfile.read(int.from_bytes(size, "big"))
            reply = self.server.names.answer(wire, datagram=False)
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


def serve_names(names: Names, addresses: tuple[str, ...]) -> None:
    """Answer questions at port 53 of some addresses, each in a thread of its own."""
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for base, handler in ((socketserver.ThreadingUDPServer, _Datagram), (socketserver.ThreadingTCPServer, _Stream)):
            own = {"address_family": family, "allow_reuse_address": True, "daemon_threads": True, "names": names}
            server = type("_Server", (base,), own)((address, 53), handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()


# --- mail -------------------------------------------------------------------------------------------------------------


class Mailbox:
    """Takes mail for some domains and keeps each message in a file, with how it came."""

    def __init__(self, folder: Path, domains: tuple[str, ...]) -> None:
        self._folder, self._domains = folder, domains
        folder.mkdir(exist_ok=True)

    async def handle_RCPT(  # noqa: N802  as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient of our domains."""
        if address.rpartition("@")[2].lower() not in self._domains:
            return "550 5.1.1 no such reader here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802  as aiosmtpd calls it
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a message."""
        said: dict[str, Any] = {
            "peer": session.peer[0] if session.peer else "",
            "helo": session.host_name,
            "tls": session.ssl["ssl_object"].version() if session.ssl else "",
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message": base64.b64encode(bytes(envelope.original_content or b"")).decode(),
        }
        target = self._folder / f"{time.time_ns()}.json"
        unfinished = target.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(said, indent=1), "utf-8")
        unfinished.rename(target)
        for old in sorted(self._folder.glob("*.json"))[:-KEPT]:
            old.unlink()
        return "250 2.0.0 kept"


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Return TLS settings with a certificate of its own, as most mail servers show one that nobody checks."""
    key = ec.generate_private_key(ec.SECP256R1())
    called, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    file = folder / "mail-server.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    file.touch(0o600)
    file.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def serve_mail(folder: Path, given: dict[str, Any]) -> None:
    """Take mail at port 25: with STARTTLS at some addresses, without at the others."""
    box, loop = Mailbox(folder / "received", tuple(given["domains"])), asyncio.get_running_loop()
    context = certificate(folder, given["name"])
    for addresses, tls in ((given["addresses"], context), (given["plain"], None)):
        own = partial(SMTP, box, hostname=given["name"], tls_context=tls, data_size_limit=_LARGEST, loop=loop)
        for address in addresses:
            await loop.create_server(own, address, 25)
    (folder / "ready").write_text(f"{os.getpid()}\n", "utf-8")
    await asyncio.Event().wait()


def main(folder: Path) -> None:
    """Serve until ended."""
    given = json.loads((folder / "internet.json").read_text("utf-8"))
    serve_names(Names(folder / "zone", tuple(given["resolvers"])), tuple(given["addresses"]))
    asyncio.run(serve_mail(folder, given))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
