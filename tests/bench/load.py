"""How much the website carries: its homepage beside a bare nginx, sealed answers beside answers that are not sealed.

`wrk` (Debian) asks from this machine. What is compared is measured in turns, several times; the medians count. For
these figures alone the limits of LEAK-09 are lifted on the lab's web server: they would be what is measured.
"""

import re
import secrets
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from azukari.lab import Lab
from azukari.site import Site
from reference_site.answers import FORM, PATHS, TOKEN
from tests.visitors import Visitor

CLIENTS = (1, 8, 64)
SECONDS, TURNS = 5, 5
WORDS = "what a visitor writes to the office, " * 8  # 300 signs

_LIFT = r"""
set -e
sed -i -E 's/rate=[0-9]+r/rate=1000000r/; s/burst=[0-9]+/burst=4000/
    s/limit_conn connections [0-9]+/limit_conn connections 4000/' /etc/nginx/nginx.conf /etc/nginx/azukari/site.conf
test "$(grep -c 'rate=1000000r' /etc/nginx/nginx.conf)" = 2
test -z "$(grep -rhE 'burst=' /etc/nginx/nginx.conf /etc/nginx/azukari | grep -v 'burst=4000')"
systemctl reload nginx.service
"""

# Debian's nginx with one file and one certificate: its defaults, and TLS as ours has it.
_BARE = r"""
set -e
install -d /run/bare/root
cp /srv/azukari/release/current/index.html /run/bare/root/index.html
cat > /run/bare/nginx.conf <<'CONF'
worker_processes auto;
pid /run/bare/nginx.pid;
events { worker_connections 2048; }
http {
    include /etc/nginx/mime.types;
    sendfile on;
    access_log /run/bare/access.log;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1;
    ssl_session_cache shared:tls:4m;
    server {
        listen 443 ssl;
        ssl_certificate /etc/azukari/tls/public.pem;
        ssl_certificate_key /etc/azukari/tls/public.key;
        root /run/bare/root;
    }
}
CONF
systemctl stop nginx.service
systemd-run --quiet --collect --unit=bare-nginx --property=Type=forking --property=PIDFile=/run/bare/nginx.pid \
    nginx -c /run/bare/nginx.conf
"""
_OURS = """
set -e
systemctl stop bare-nginx.service
systemctl start nginx.service
"""

# In the place of sealing: a value of the same shape and length, made of nothing.
_UNSEALED = r"""
set -e
program=/srv/azukari/site/reference_site/sealing.py
cp $program /run/sealing.py
cat >> $program <<'PYTHON'


def seal_all(plain, key, *, _sealed=seal_all, _shown={}):
    made = {}
    for place, text in plain.items():
        if place.purpose not in _shown:
            _shown[place.purpose] = _sealed({place: b""}, key)[place].split(".")
        head, wrapped, start, _, tag = _shown[place.purpose]
        made[place] = ".".join((head, wrapped, start, base64.urlsafe_b64encode(text).decode().rstrip("="), tag))
    return made
PYTHON
systemctl restart azukari-site.service
"""
_SEALED = r"""
set -e
cp /run/sealing.py /srv/azukari/site/reference_site/sealing.py
systemctl restart azukari-site.service
"""
_COUNT = ("runuser", "-u", "postgres", "--", "psql", "-qAt", "--dbname=site", "--command")

_POST = """
local headers = { ["Content-Type"] = "%(kind)s", ["Origin"] = "https://%(name)s", ["Sec-Fetch-Site"] = "same-origin" }
local all, sent = {}, 0
acknowledged = 0
function setup(thread) table.insert(all, thread) end
function request()
  sent = sent + 1
  return wrk.format("POST", "%(path)s", headers, "%(body)s" .. sent)
end
function response(status) if status == 303 then acknowledged = acknowledged + 1 end end
function done()
  for _, thread in ipairs(all) do print("acknowledged " .. thread:get("acknowledged")) end
end
"""


@dataclass(frozen=True)
class Load:
    """What `wrk` found.

    Attributes:
        rate: answers a second.
        p50: milliseconds within which half of the answers came.
        p99: the same for 99 of 100.
        errors: answers of 4xx or 5xx, broken connections, answers that did not come in time.
        acknowledged: answers of 303, where they were counted.
    """

    rate: float
    p50: float
    p99: float
    errors: int
    acknowledged: int = 0


@dataclass(frozen=True)
class Pair:
    """Two ways under the same load: the medians of each, and the median of the ratios of rates, turn by turn."""

    clients: int
    ours: Load
    other: Load
    ratio: float


_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def read(printed: str) -> Load:
    """Read what `wrk --latency` prints.

    Raises:
        ValueError: it is something else.
    """
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    centiles = re.findall(r"(?m)^\s+(\d+)%\s+([\d.]+)(us|ms|s) *$", printed)
    took = {name: float(value) * _UNITS[unit] for name, value, unit in centiles}
    if rate is None or not {"50", "99"} <= set(took):
        raise ValueError(f"wrk said: {printed[-500:]}")
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", printed)))
    said = sum(map(int, re.findall(r"(?m)^acknowledged (\d+)$", printed)))
    return Load(float(rate[1]), took["50"], took["99"], errors, said)


class Website:
    """The lab's website, to be put under load.

    Args:
        lab: the provisioned lab; its web and app hosts are changed, and to be reset afterwards.
        site: its site.

    Attributes:
        acknowledged: how many answers were, so far.
    """

    def __init__(self, lab: Lab, site: Site) -> None:
        self._lab, self._name = lab, site.settings.names[0]
        self.acknowledged = 0
        self._visitor = Visitor(site)
        self._web, self._app, self._db = (site.group(name)[0] for name in ("web", "app", "db"))
        self._token = self._visitor.token(patience=60)  # the hosts may just have started
        self._run(self._web.name, _LIFT)

    def homepage(self) -> list[Pair]:
        """Measure the homepage through TLS beside a bare nginx that serves the same file."""
        return [
            self._pair(
                clients, self.page, lambda: self._run(self._web.name, _BARE), lambda: self._run(self._web.name, _OURS)
            )
            for clients in CLIENTS
        ]

    def answers(self) -> list[Pair]:
        """Measure answers that are sealed beside the same way without sealing."""
        return [
            self._pair(
                clients,
                self.form,
                lambda: self._run(self._app.name, _UNSEALED),
                lambda: self._run(self._app.name, _SEALED),
            )
            for clients in CLIENTS
        ]

    def kept(self) -> int:
        """Return how many answers lie in the database."""
        done = self._lab.run(self._db.name, [*_COUNT, "SELECT count(DISTINCT id) FROM site.contact"])
        return int(done.stdout)

    def page(self, clients: int) -> Load:
        """Ask for the homepage."""
        return self._wrk(clients, "/")

    def form(self, clients: int) -> Load:
        """Send the form, each time with another answer."""
        answer = {"heading": "load", "email": "visitor@example.invalid", "comments": WORDS + secrets.token_hex(8) + " "}
        words = {"kind": FORM, "name": self._name, "path": PATHS["contact"]["ja"]}
        body = urlencode({TOKEN: self._token, **answer})
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_POST % {**words, "body": body})
            script.flush()
            found = self._wrk(clients, PATHS["contact"]["ja"], "--script", script.name)
        self.acknowledged += found.acknowledged
        return found

    def _pair(
        self, clients: int, load: Callable[[int], Load], change: Callable[[], None], back: Callable[[], None]
    ) -> Pair:
        def warm() -> Load:
            load(CLIENTS[-1])  # what has just started makes its connections to the database first
            return load(clients)

        turns = []
        for _ in range(TURNS):
            ours = warm()
            change()
            try:
                turns.append((ours, warm()))
            finally:
                back()
        ratio = statistics.median(ours.rate / other.rate for ours, other in turns)
        return Pair(clients, _middle([ours for ours, _ in turns]), _middle([other for _, other in turns]), ratio)

    def _wrk(self, clients: int, path: str, *more: str) -> Load:
        """Run wrk, for which alone the website's name leads to the lab."""
        with tempfile.NamedTemporaryFile("w") as hosts:
            hosts.write(f"{self._web.address} {self._name}\n")
            hosts.flush()
            command = ["wrk", "--threads=1", f"--connections={clients}", f"--duration={SECONDS}s", "--timeout=10s"]
            command += ["--latency", *more, f"https://{self._name}{path}"]
            script = 'mount --bind "$0" /etc/hosts && exec "$@"'
            whole = ["unshare", "--mount", "sh", "-c", script, hosts.name, *command]
            done = subprocess.run(whole, capture_output=True, text=True, timeout=SECONDS + 60, check=True)
        return read(done.stdout)

    def _run(self, host: str, script: str) -> None:
        done = self._lab.run(host, ["/bin/bash", "-c", script])
        if done.returncode:
            raise RuntimeError(f"{host}: {done.stderr.decode()[-500:]}")


def _middle(loads: Sequence[Load]) -> Load:
    """Return the medians; errors and what was acknowledged are added up."""
    rate, p50, p99 = (statistics.median(getattr(one, name) for one in loads) for name in ("rate", "p50", "p99"))
    return Load(rate, p50, p99, sum(one.errors for one in loads), sum(one.acknowledged for one in loads))
