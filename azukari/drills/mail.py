"""The mail drill: a message leaves, and arrives by TLS, from an address that SPF names, signed with the published key.

In a lab the readers' mail servers are the lab's own: one of them speaks no TLS, and must be sent nothing. A real site
sends to a mailbox that somebody can read, who saves the message as it came.
"""

import json
import re
import secrets
import time
from datetime import UTC, datetime
from email import message_from_bytes
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dkim
import dns.exception
import dns.name
import dns.resolver

from azukari.drills.hosts import as_root
from azukari.drills.outcome import Outcome, Say
from azukari.errors import NotJudged
from azukari.lab import Lab
from azukari.lab.internet import PLAIN_READERS, READERS, Received
from azukari.provision.session import Session
from azukari.site import Site, zone
from azukari.verify.mail import asking

NAME = "mail"
TLS = ("TLSv1.2", "TLSv1.3")
_ARRIVES_WITHIN = {True: 60.0, False: 900.0}  # seconds, in a lab and by a person's hand
_KEPT_BACK_FOR = 20.0  # seconds in which nothing may reach a server without TLS


def run(at: Session, say: Say, to: str = "", saved: Path | None = None) -> Outcome:
    """Do the drill.

    Args:
        at: the hosts, and the ways to them.
        say: told what goes on.
        to: the mailbox; in a lab its reader's by default.
        saved: the file that somebody will save the message to as it came; in a lab it is not needed.

    Returns:
        What came of it, also where it broke off: then the step WHOLE did not come out as promised.

    Raises:
        NotJudged: no mail host can be worked on here; nothing was sent.
    """
    drill = _Mail(at, say, to or f"reader@{READERS}", saved)
    parts = [drill.send_and_look, *([drill.send_where_there_is_no_tls] if at.site.lab else [])]
    drill.outcome.play(parts, drill.clean_up, say)
    return drill.outcome


class _Mail:
    def __init__(self, at: Session, say: Say, to: str, saved: Path | None) -> None:
        self._at, self._say, self._site, self._to, self._saved = at, say, at.site, to, saved
        hosts = [host for host in at.site.group("mail") if host.name in at.hosts]
        if not hosts:
            raise NotJudged("The drill needs a host of the group mail, which is left out here.")
        self._host = hosts[0]
        self._domain = str(at.site.settings.mail_domain)
        self.outcome = Outcome(datetime.now(UTC), (self._host.name,), dict(at.left))

    def step(self, what: str, passed: bool, said: str) -> None:
        """Note how one thing came out."""
        self.outcome.note(what, passed, said, self._say)

    def _send(self, to: str) -> str:
        """Have the mail host send a message, and return the mark in it."""
        mark = secrets.token_hex(16)
        text = (
            f"From: postmaster@{self._domain}\nTo: {to}\nSubject: azukari drill {mark}\n"
            f"Message-ID: <{mark}@{self._domain}>\n\nA drill: nothing needs to be done.\n"
        )
        as_root(self._at, self._host.name, f"/usr/sbin/sendmail -i -f bounces@{self._domain} {to}", text)
        return mark

    def _arrived(self, mark: str, seconds: float) -> Received | None:
        until = time.monotonic() + seconds
        while True:
            if found := self._look(mark):
                return found
            if time.monotonic() > until:
                return None
            time.sleep(0.5)

    def _look(self, mark: str) -> Received | None:
        if self._saved is None:
            taken = Lab.of(self._site).received() if self._site.lab else []
        else:
            taken = [_as_saved(self._saved.read_bytes())] if self._saved.is_file() else []
        return next((one for one in taken if mark.encode() in one.message), None)

    def send_and_look(self) -> None:
        """Send a message and look at it where it arrives."""
        mark = self._send(self._to)
        if self._saved:
            self._say(
                f"Sent: now save the message “azukari drill {mark}” as it came, headers and all, to {self._saved}"
            )
        seconds = _ARRIVES_WITHIN[self._saved is None]
        found = self._arrived(mark, seconds)
        if found is None:
            self.step("a message arrives", False, f"it was not there within {seconds:.0f} s")
            return
        self.step("a message arrives", True, f"from {found.peer}, which called itself {found.helo}")
        self.step("a message arrives by TLS", found.tls in TLS, found.tls or "in the clear")
        self._spf(found)
        self._dkim(found)
        self._greeting(found)

    def _spf(self, found: Received) -> None:
        """Judge the sender's address by the domain's own list (RFC 7208), which names addresses alone."""
        domain = found.sender.rpartition("@")[2]
        [*records] = (one for one in answers(self._site, domain, "TXT") if one.startswith("v=spf1 "))
        named = re.findall(r" ip[46]:(\S+)", records[0]) if len(records) == 1 and records[0].endswith(" -all") else []
        covered = any(ip_address(found.peer) in ip_network(one) for one in named)
        said = f"{found.peer} is {'' if covered else 'not '}among the senders of {domain}"
        self.step("a message comes from where SPF says", covered and domain == self._domain, said)

    def _dkim(self, found: Received) -> None:
        headers = message_from_bytes(found.message)
        signed = "".join(str(headers.get("DKIM-Signature", "")).split())
        why = unsigned(self._site, found.message)
        verified = not why
        author = str(headers.get("From", "")).rpartition("@")[2].rstrip("> ")
        aligned = f";d={self._domain};" in f";{signed};" and author == self._domain
        said = f"verified with the published key of {self._domain}" if verified else f"not verified: {why}"
        self.step("a message's signature is that of the published key", verified and aligned, said)
        [*policies] = answers(self._site, f"_dmarc.{self._domain}", "TXT")
        strict = len(policies) == 1 and policies[0].startswith("v=DMARC1; p=reject")
        self.step("a message without it would be rejected", strict, policies[0] if policies else "no policy")

    def _greeting(self, found: Received) -> None:
        kind = "AAAA" if ":" in found.peer else "A"
        addresses = {ip_address(one) for one in answers(self._site, found.helo, kind)} if found.helo else set()
        promised = found.helo == zone.sending_name(self._site, self._host) and ip_address(found.peer) in addresses
        self.step("a message's sender has the name that it says", promised, f"{found.helo} is {found.peer}")

    def send_where_there_is_no_tls(self) -> None:
        """Send a message to a reader whose server speaks no TLS: it must wait, and not leave."""
        mark = self._send(f"reader@{PLAIN_READERS}")
        found = self._arrived(mark, _KEPT_BACK_FOR)
        waiting = [one for one in self._queue() if PLAIN_READERS in json.dumps(one.get("recipients", []))]
        reasons = " ".join(str(to.get("delay_reason", "")) for one in waiting for to in one["recipients"])
        kept = found is None and bool(waiting) and "TLS" in reasons
        said = "it left in the clear" if found else f"it waits: {reasons}" if waiting else "it neither left nor waits"
        self.step("a message to a server without TLS stays", kept, said)

    def _queue(self) -> list[dict[str, Any]]:
        said = as_root(self._at, self._host.name, "/usr/sbin/postqueue -j")
        return [json.loads(line) for line in said.splitlines() if line.strip()]

    def clean_up(self) -> None:
        """Delete the drill's own messages that still wait."""
        for one in self._own():
            as_root(self._at, self._host.name, f"/usr/sbin/postsuper -d {one}")
        left = self._own()
        self.step("the drill's own messages are deleted", not left, f"{len(left)} of them wait still")

    def _own(self) -> list[str]:
        """Return the queue's names of the drill's own messages: nobody else writes to those readers from postmaster."""
        own = {self._to, f"reader@{PLAIN_READERS}"}
        return [
            str(one["queue_id"])
            for one in self._queue()
            if one.get("sender") == f"bounces@{self._domain}" and {to["address"] for to in one["recipients"]} <= own
        ]


def answers(site: Site, name: str, kind: str) -> list[str]:
    """Return what the public DNS says of a name.

    Raises:
        NotJudged: it gave no answer.
    """
    try:
        found = asking(site).resolve(dns.name.from_text(name), kind, search=False, lifetime=6)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise NotJudged(f"The public DNS gave no answer about {name}: {error}") from error
    if kind == "TXT":
        return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
    return [str(one) for one in found]


def unsigned(site: Site, message: bytes) -> str:
    """Return why a message is not signed with a key that the public DNS publishes; empty when it is.

    Raises:
        NotJudged: the public DNS gave no answer.
    """

    def key(name: bytes, timeout: float = 5) -> bytes | None:  # noqa: ARG001  as dkimpy calls it
        records = answers(site, name.decode(), "TXT")
        return records[0].encode() if records else None

    if message_from_bytes(message).get("DKIM-Signature") is None:
        return "there is none"
    try:
        return "" if dkim.verify(message, dnsfunc=key) else "another key made it, or it was changed"
    except dkim.DKIMException as error:
        return str(error)


def _as_saved(message: bytes) -> Received:
    """Return how a message came, from what the receiving server noted in its first line of the way (RFC 5321 4.4)."""
    headers = message_from_bytes(message)
    way = " ".join(str(headers.get("Received", "")).split())
    helo, peer = re.search(r"^from (\S+)", way), re.search(r"\[(?:IPv6:)?([0-9a-fA-F.:]+)\]", way)
    tls = re.search(r"TLSv1[._]([23])", way)
    by_tls = f"TLSv1.{tls[1]}" if tls and re.search(r"with (UTF8)?E?SMTPSA?\b", way) else ""
    sender = str(headers.get("Return-Path", "")).strip("<> ")
    if peer is None:
        raise NotJudged("The saved message does not say from which address it came: save it with all of its headers.")
    return Received(peer[1], helo[1] if helo else "", by_tls, sender, (), message)
