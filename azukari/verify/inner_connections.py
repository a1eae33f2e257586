"""Attempts at the site's inner connections, each from the host that a declared flow lets in, so that no filter answers.

It collects and judges nothing; the checks of the role `pki` judge.
"""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from azukari.errors import AzukariError
from azukari.people import tls_decoys
from azukari.people.tls_decoys import TlsDecoy
from azukari.site import ResolvedFlow, Site
from azukari.verify import inner_attempts
from azukari.verify.authoring import NotEvaluated, collector
from azukari.verify.host import RunContext

# What is spoken, over mutual TLS, at these ports of the site's hosts.
MUTUAL = {8443: "http", 5432: "postgres"}
SECONDS = 60.0  # for all that one host tries


@collector(proof="attempt", scope="site")
def tried_inside(site: Site, run: RunContext) -> dict[str, Any]:
    """What each inner server answered, over IPv4 and IPv6, without TLS and to certificates that it must refuse."""
    places: dict[str, list[dict[str, Any]]] = {}
    errors: list[list[str]] = []  # [from, to, why]
    for flow in site.resolved_flows:
        if flow.source_name not in site.hosts or flow.to_name not in site.hosts or flow.port not in MUTUAL:
            continue
        try:
            places.setdefault(flow.source_name, []).extend(_places(site, flow))
        except AzukariError as error:
            errors.append([flow.source_name, flow.to_name, error.message])

    def attempt(name: str) -> list[dict[str, str]] | str:
        if name not in run.hosts:
            return "it was not asked in this run"
        try:
            answer = run.hosts[name].command(
                ["python3", "-I", "-c", Path(inner_attempts.__file__).read_text(encoding="utf-8")],
                seconds=SECONDS, fresh=True, given=json.dumps(places[name]),
            )  # fmt: skip
        except NotEvaluated as error:  # one host that does not answer leaves the others judged
            return str(error)
        if answer.exit_code:
            return (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        found: list[dict[str, str]] = json.loads(answer.stdout)
        return found

    with ThreadPoolExecutor(max_workers=max(1, len(places))) as pool:
        answers = dict(zip(places, pool.map(attempt, places), strict=True))
    tries: list[dict[str, str]] = []
    for name, said in answers.items():
        if isinstance(said, str):
            errors += [[name, to, said] for to in dict.fromkeys(place["name"] for place in places[name])]
        else:
            tries += [{"from": name, **one} for one in said]
    return {"tries": tries, "errors": errors}


def _places(site: Site, flow: ResolvedFlow) -> list[dict[str, Any]]:
    """Return the places of one host's port, each with the ways that are tried there."""
    name, port, host = flow.to_name, flow.port, site.hosts[flow.to_name]
    kit = [*tls_decoys.load(site, host.domain), *tls_decoys.of_other_domains(site, host.domain)]
    same = {
        "name": name,
        "port": port,
        "speaks": MUTUAL[port],
        "site": site.settings.names[0],
        "role": "letters" if "mail" in site.hosts[flow.source_name].groups else "intake",
        "ca": (site.path / "keys" / "ca" / f"{host.domain}_tls.pem").read_text(),
        "ways": _ways(MUTUAL[port], kit),
    }
    return [{**same, "address": str(address)} for address in (host.address, host.address6) if address]


def _ways(speaks: str, kit: Iterable[TlsDecoy]) -> dict[str, dict[str, str]]:
    ways: dict[str, dict[str, str]] = {"without TLS": {"plain": "yes"}, "with TLS 1.2": {"version": "1.2"}}
    ways |= {"without a certificate": {}}
    for one in kit:
        # PostgreSQL compares the name after the password, which clients alone have: azukari-database-attempts tries it.
        if speaks == "postgres" and one.name == "other-host":
            continue
        ways[one.name] = {"certificate": one.certificate, "key": one.private_key}
    return ways
