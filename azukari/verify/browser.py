"""The website's pages opened in a real browser: what each of them asks for, of whom, and which cookies are left.

A headless Chromium is steered over two pipes (Chrome DevTools Protocol). It begins with an empty profile, knows the
site's names and no others, takes the one key that the site was proven to hold, and leaves nothing behind. It works with
its own sandbox, and never as root, so that a page that was taken over does not reach the keys of this machine.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from azukari.errors import NotJudged
from azukari.ssh.tls import Place, chain
from azukari.ssh.vantage import inside

# Chromium without a window: the one that asks nobody for anything by itself. The whole browser asks three of its
# maker's servers as it starts, whatever it is told (its net log says so, version 156).
PROGRAM = PACKAGE = "chromium-headless-shell"
WITHOUT_ROOT = 65534  # nobody, as which the browser works when azukari is root
SECONDS = 45.0  # for all pages together
PAGE_SECONDS = 10.0
SETTLING_SECONDS = 0.5  # after the last page: what a page asks for later than that is not seen
AGAIN = 3  # tries of a page that the server's own limit refuses (429), a second apart
FLAGS = (
    "--remote-debugging-pipe", "--disable-gpu", "--mute-audio", "--process-per-site", "--no-first-run", "--no-pings",
    "--disable-background-networking", "--disable-breakpad", "--disable-component-update", "--disable-default-apps",
    "--disable-domain-reliability", "--disable-extensions", "--disable-sync",
    # No proxy of this machine's settings: it would find names that our rules do not.
    "--no-proxy-server",
)  # fmt: skip
# Made by the page itself, so that nobody is asked.
LOCAL = ("about", "blob", "chrome-error", "data")
# Computing the layout makes the browser ask for the fonts and pictures that the page uses.
LAID_OUT = "document.documentElement.offsetHeight; document.fonts.ready.then(() => document.fonts.status)"


def program() -> str | None:
    """Return the path of a browser on this machine; None where there is none."""
    return shutil.which(PROGRAM)


def opened(place: Place, paths: Sequence[str], *, names: Sequence[str], ca_pem: str) -> dict[str, Any]:
    """Open pages in one fresh browser, one after the other, and tell what it was asked for.

    Args:
        place: the web server; its name stands in the pages' addresses.
        paths: of the pages.
        names: the site's own; every other name is unknown to the browser.
        ca_pem: the CA that the server's certificate must come from.

    Returns:
        `browser`: which; `pages`: {path: {`status`, `requests`: [{`url` without its query, `kind`, `stopped`: why it
        was not answered, or empty}]}}; `cookies`: those left at the end, without their values; `lives` are seconds,
        None until the browser ends.

    Raises:
        NotJudged: no browser here, or it does not do what it is told; the message says what to do.
        Unreachable: no TLS there.
    """
    found = program()
    if found is None:
        raise NotJudged(f"this machine has no browser; install it: apt-get install {PACKAGE}")
    shown = chain(place, ca_pem)
    if not shown.trusted:
        raise NotJudged(f"the certificate of {place.server_name} at {place.address} is not trusted: {shown.problem}")
    key = shown.certificates[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    address = f"[{place.address}]" if ":" in place.address else place.address
    flags = [
        *FLAGS,
        f"--host-resolver-rules={', '.join(f'MAP {name} {address}' for name in names)}, MAP * ~NOTFOUND",
        f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(key).digest()).decode()}",
    ]
    port = "" if place.port == 443 else f":{place.port}"
    with _started([found, *flags], place.namespace) as browser:
        version = browser.ask("Browser.getVersion")["product"]
        pages = {path: browser.page(f"https://{place.server_name}{port}{path}") for path in paths}
        browser.listen(SETTLING_SECONDS)
        recorded = {path: {"status": page.status, "requests": page.requests} for path, page in pages.items()}
        return {"browser": version, "pages": recorded, "cookies": browser.cookies()}


class _Page:
    """What one page made the browser ask for."""

    def __init__(self) -> None:
        self.status = 0
        self.loaded = False
        self._asked: dict[str, list[dict[str, str]]] = {}

    @property
    def requests(self) -> list[dict[str, str]]:
        """Every request, in order."""
        return [one for asked in self._asked.values() for one in asked]

    @property
    def refused(self) -> bool:
        """Whether the server's own limit refused the page, or a part of it."""
        busy = HTTPStatus.TOO_MANY_REQUESTS
        return self.status == busy or any(one["stopped"] == f"status {busy}" for one in self.requests)

    def hear(self, method: str, said: Mapping[str, Any]) -> None:
        """Take an event of the protocol."""
        asked = self._asked.get(said.get("requestId", ""), [])
        if method == "Network.requestWillBeSent":
            self._note(said["requestId"], said["request"]["url"], said.get("type", "Other"))
        elif method == "Network.webSocketCreated":
            self._note(said["requestId"], said["url"], "WebSocket")
        elif method == "Network.responseReceived" and said.get("type") == "Document" and not self.status:
            self.status = said["response"]["status"]
        elif method == "Network.responseReceived" and asked and said["response"]["status"] >= HTTPStatus.BAD_REQUEST:
            asked[-1]["stopped"] = f"status {said['response']['status']}"
        elif method == "Network.loadingFailed" and asked:
            asked[-1]["stopped"] = said.get("blockedReason") or said.get("errorText") or "stopped"
        elif method == "Audits.issueAdded":
            self._issue(said["issue"])
        elif method == "Page.loadEventFired":
            self.loaded = True

    def _issue(self, issue: Mapping[str, Any]) -> None:
        """Note what the content security policy stopped before it became a request."""
        details = issue.get("details", {}).get("contentSecurityPolicyIssueDetails")
        if details and details.get("blockedURL"):
            url = details["blockedURL"]
            self._note(f"issue {url}", url, details.get("violatedDirective", "Other"))
            for one in self._asked.get(f"issue {url}", ()):
                one["stopped"] = "csp"

    def _note(self, request: str, url: str, kind: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL:
            plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
            self._asked.setdefault(request, []).append({"url": plain, "kind": kind, "stopped": ""})


class _Browser:
    """A running Chromium, over its two pipes; each message ends with a zero byte."""

    def __init__(self, writing: int, reading: int, complaints: IO[bytes]) -> None:
        self._writing, self._reading, self._complaints = writing, reading, complaints
        self._deadline = time.monotonic() + SECONDS
        self._number = 0
        self._rest = b""
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._tab = ""
        self._page = _Page()

    def ask(self, method: str, **parameters: Any) -> Mapping[str, Any]:
        """Ask for something, and return the answer; what else is said meanwhile goes to the page.

        Raises:
            NotJudged: no answer in time, or a refusal.
        """
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._tab:
            message["sessionId"] = self._tab
        with contextlib.suppress(BrokenPipeError):  # it ended: the missing answer says so
            os.write(self._writing, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PAGE_SECONDS
        while number not in self._answers:
            if not self._hear(until):
                raise NotJudged(f"the browser did not answer {method} in time")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise NotJudged(f"the browser refused {method}: {answer['error'].get('message', 'no reason given')}")
        found: Mapping[str, Any] = answer.get("result", {})
        return found

    def page(self, url: str) -> _Page:
        """Open a page in the one tab, and wait until it is laid out; what it asks for later goes to the next page."""
        for left in reversed(range(AGAIN)):
            page = self._opened(url)
            if not page.refused or not left:
                break
            self.listen(1)
        return page

    def cookies(self) -> list[dict[str, Any]]:
        """Return the cookies that are there, by name, without their values."""
        now = time.time()
        return [
            {
                "name": one["name"], "domain": one["domain"], "path": one["path"], "secure": one["secure"],
                "http_only": one["httpOnly"], "same_site": one.get("sameSite", ""),
                "lives": None if one["session"] else round(one["expires"] - now),
            }
            for one in sorted(self.ask("Storage.getCookies")["cookies"], key=lambda one: str(one["name"]))
        ]  # fmt: skip

    def listen(self, seconds: float) -> None:
        """Take what is said, for so long."""
        until = time.monotonic() + seconds
        while self._hear(until):
            pass

    def _opened(self, url: str) -> _Page:
        if not self._tab:
            target = self.ask("Target.createTarget", url="about:blank")["targetId"]
            self._tab = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Network", "Page", "Audits"):
                self.ask(f"{domain}.enable")
        page = self._page = _Page()
        if self.ask("Page.navigate", url=url).get("errorText"):
            return page  # its status stays 0; where it was led to stands among its requests
        until = time.monotonic() + PAGE_SECONDS
        while not page.loaded:
            if not self._hear(until):
                raise NotJudged(f"the browser did not load {url} within {PAGE_SECONDS:.0f} s")
        self.ask("Runtime.evaluate", expression=LAID_OUT, awaitPromise=True)
        return page

    def _last_words(self) -> str:
        """Return what it complained of at the end, such as a kernel that does not let its sandbox be."""
        self._complaints.seek(0)
        said = [line for line in self._complaints.read().decode(errors="replace").splitlines() if line.strip()]
        fatal = [line for line in said if "FATAL" in line]
        return (fatal or said or ["it said nothing"])[-1].strip()

    def _hear(self, until: float) -> bool:
        """Take the next message; False when none came in time, or the browser has ended."""
        while b"\0" not in self._rest:
            left = min(until, self._deadline) - time.monotonic()
            if left <= 0 or not select.select([self._reading], [], [], left)[0]:
                return False
            more = os.read(self._reading, 1 << 16)
            if not more:
                raise NotJudged(f"the browser ended by itself: {self._last_words()}")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        said = json.loads(text)
        if "id" in said:
            self._answers[said["id"]] = said
        else:
            self._page.hear(said["method"], said["params"])
        return True


@contextlib.contextmanager
def _started(argv: Sequence[str], namespace: str | None) -> Iterator[_Browser]:
    """Start a browser with an empty profile, and leave neither process nor file of it behind."""
    with (
        tempfile.TemporaryDirectory(prefix="azukari-browser-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as complaints,
    ):
        (hears, tells), (listens, says) = _pipe(), _pipe()  # it hears and says, we listen and tell
        as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(folder, WITHOUT_ROOT, WITHOUT_ROOT)
            as_nobody = {"user": WITHOUT_ROOT, "group": WITHOUT_ROOT, "extra_groups": []}
        # It wants its ends as 3 and 4; sh knows no numbers above 9, which bash does.
        shell = ["/bin/bash", "-c", f'exec "$@" 3<&{hears} 4>&{says}', "bash"]
        command = [*shell, *argv, f"--user-data-dir={folder}", "about:blank"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
        try:
            process = inside(
                namespace,
                lambda: subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints,
                    pass_fds=(hears, says), cwd=folder, env=environment, start_new_session=True, **as_nobody,
                ),
            )  # fmt: skip
        finally:
            os.close(hears)
            os.close(says)
        try:
            yield _Browser(tells, listens, complaints)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(tells)
            os.close(listens)


def _pipe() -> tuple[int, int]:
    """Return (reading, writing) of a pipe with numbers that no shell uses for itself."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
