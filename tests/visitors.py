"""Many visitors of the lab's website at once, each from an address of its own: its limits count by address."""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlencode

from azukari.lab import Lab
from azukari.site import Site
from azukari.ssh.trust import visitors_trust
from reference_site.answers import FORM, PATHS, TOKEN

FIRST, MANY = 100, 64  # of the lab's network: between its hosts and its office
SECONDS = 30.0  # for one answer: longer than the website lets anybody wait
_TOKEN = re.compile(rf'name="{TOKEN}" value="([^"]+)"')


@contextmanager
def addresses(lab: Lab, site: Site) -> Iterator[list[str]]:
    """Give this machine more addresses in the lab's network, and take them back."""
    network = str(site.group("web")[0].address).rpartition(".")[0]
    own = [f"{network}.{number}" for number in range(FIRST, FIRST + MANY)]
    try:
        for address in own:
            subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", lab.layout.bridge], check=True)
        yield own
    finally:
        for address in own:
            command = ["ip", "address", "delete", f"{address}/32", "dev", lab.layout.bridge]
            subprocess.run(command, check=False, capture_output=True)


@dataclass(frozen=True)
class Answered:
    """What a visitor was answered: status 0 where nothing came, and the page."""

    status: int
    page: str = ""


class Visitor:
    """A visitor who keeps the connection open, as browsers do.

    Args:
        site: the declared site.
        address: the visitor's own; where this machine reaches the website from, unless given.
    """

    def __init__(self, site: Site, address: str = "") -> None:
        web = site.group("web")[0]
        self.name = site.settings.names[0]
        context = ssl.create_default_context(cadata=visitors_trust(site))
        self._context, self._server, self._source = context, str(web.address), address
        self._connection: HTTPSConnection | None = None

    def token(self, form: str = "contact", patience: float = 0) -> str:
        """Return the token of a form's page; empty where there is no page within `patience` seconds."""
        begun = time.monotonic()
        while True:
            found = _TOKEN.search(self.ask("GET", PATHS[form]["ja"]).page)
            if found or time.monotonic() - begun >= patience:
                return found[1] if found else ""
            time.sleep(1)

    def send(self, token: str, answer: Mapping[str, str], form: str = "contact") -> Answered:
        """Send a filled-in form."""
        return self.ask("POST", PATHS[form]["ja"], urlencode({TOKEN: token, **answer}).encode())

    def ask(self, method: str, path: str, body: bytes | None = None, **more: str) -> Answered:
        """Send a request, and return the answer; `more` are headers, with _ for -."""
        headers = {"Host": self.name}
        if body is not None:
            headers |= {"Content-Type": FORM, "Origin": f"https://{self.name}", "Sec-Fetch-Site": "same-origin"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request(method, path, body, headers)
            reply = self._connection.getresponse()
            page = reply.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            self.close()
            return Answered(0)
        if reply.will_close:
            self.close()
        return Answered(reply.status, page)

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> HTTPSConnection:
        source = (self._source, 0) if self._source else None
        connection = HTTPSConnection(self.name, timeout=SECONDS)
        plain = socket.create_connection((self._server, 443), SECONDS, source)
        connection.sock = self._context.wrap_socket(plain, server_hostname=self.name)
        return connection
