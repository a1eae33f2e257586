"""What the report shows, made from evidence and catalogue alone: pure, so that it can be tested without a page."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from azukari.evidence import Evidence
from azukari.report.data_map import data_map
from azukari.report.flows import Picture, picture, tried
from azukari.report.lines import DataMap
from azukari.report.measured import measured
from azukari.safeguards import Catalogue, Citation, Safeguard
from azukari.safeguards.models import Family, Subject

# Where a safeguard has several checks on one host, the matrix shows the one that asks most of its reader.
GRAVITY = ("fail", "not-evaluated", "excepted", "pass", "not-applicable")
SITE = "site"
# Longer facts are cut in the page; the whole stands in facts.json beside the signature.
LONGEST_FACT = 4000


@dataclass(frozen=True)
class Fact:
    """What a server answered, or what was attempted, as text; `cut` when it goes on in facts.json."""

    name: str
    text: str
    cut: bool


@dataclass(frozen=True)
class Judgement:
    """A check's verdict on one host; `attempts` is what its collectors brought from there."""

    safeguard: str
    host: str
    check: str
    verdict: str
    proof: str
    vantage: str
    message: str
    attempts: tuple[Fact, ...]


@dataclass(frozen=True)
class Finding:
    """The same thing found on one host or on several."""

    verdict: str
    message: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One check with its verdicts; `attempts` is what was collected once for the whole site."""

    name: str
    sentence: str
    sections: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    attempts: tuple[Fact, ...]

    @property
    def proofs(self) -> tuple[str, ...]:
        """The kinds of proof behind its verdicts."""
        return tuple(dict.fromkeys(each.proof for each in self.judgements))

    @property
    def vantages(self) -> tuple[str, ...]:
        """From where it was asked, where that is the same for all hosts; else nothing, and each host says its own."""
        found = tuple(dict.fromkeys(each.vantage for each in self.judgements))
        return found if len(found) == 1 else ()


@dataclass(frozen=True)
class Row:
    """A safeguard with all that was judged of it."""

    safeguard: Safeguard
    citations: tuple[Citation, ...]
    subjects: dict[str, Subject]
    checks: tuple[Check, ...]

    @property
    def judgements(self) -> list[Judgement]:
        """All verdicts, check by check."""
        return [each for check in self.checks for each in check.judgements]

    @property
    def verdict(self) -> str:
        """The gravest verdict; empty when nothing was judged."""
        return gravest(each.verdict for each in self.judgements)

    def on(self, host: str) -> str:
        """Return the gravest verdict on a host; empty when nothing was judged there."""
        return gravest(each.verdict for each in self.judgements if each.host == host)


@dataclass(frozen=True)
class HostFacts:
    """The facts of one host, cut for reading."""

    host: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class View:
    """Everything that the template prints."""

    evidence: Evidence
    site: dict[str, Any] | None
    rows: tuple[Row, ...]
    planned: tuple[Row, ...]
    unjudged: tuple[Row, ...]
    columns: tuple[str, ...]
    domains: tuple[tuple[str, int], ...]
    counts: dict[str, int]
    hosts: tuple[HostFacts, ...]
    picture: Picture | None
    data_map: DataMap | None
    catalogue: Catalogue
    catalogue_changed: bool
    signer: str
    zone: ZoneInfo
    unreachable: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`holds`, `fails` or `not-judged`, as the exit code of `verify` says it."""
        if self.counts["fail"]:
            return "fails"
        judged = self.counts["pass"] + self.counts["excepted"]
        return "not-judged" if self.counts["not-evaluated"] or not judged else "holds"

    def time(self, moment: datetime) -> str:
        """Return a time in the site's zone, for people."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    def families(self) -> list[tuple[Family, list[Row]]]:
        """Return the judged safeguards by family, in the catalogue's order."""
        grouped: dict[Family, list[Row]] = {}
        for row in self.rows:
            grouped.setdefault(row.safeguard.family, []).append(row)
        return list(grouped.items())

    def findings(self, *verdicts: str) -> list[tuple[Row, list[Finding]]]:
        """Return what was found with one of the verdicts, by safeguard in the catalogue's order."""
        return [(row, found) for row in self.rows if (found := findings(row.judgements, verdicts))]

    def facts_held(self, host: str, section: str) -> bool:
        """Tell whether the page shows that section of that host."""
        return any(fact.name == section for each in self.hosts if each.host == host for fact in each.facts)


def build(evidence: Evidence, catalogue: Catalogue, signer: str) -> View:
    """Return the view of a run of checks.

    Args:
        evidence: of kind `verify`; its results, facts and context are read.
        catalogue: the safeguards to show.
        signer: the fingerprint of the key that verified the evidence; empty when it was not verified.
    """
    site = evidence.context.get("site")
    judged = _judgements(evidence)
    rows = [_row(catalogue, safeguard, judged, evidence) for safeguard in catalogue]
    found = [row for row in rows if row.checks]
    results = [each.verdict for row in found for each in row.judgements]
    columns, domains = _columns(evidence, site, judged)
    return View(
        evidence=evidence,
        site=site,
        rows=tuple(found),
        planned=tuple(row for row in rows if row.safeguard.status == "planned" and not row.checks),
        unjudged=tuple(row for row in rows if row.safeguard.status == "in force" and not row.checks),
        columns=columns,
        domains=domains,
        counts={verdict: results.count(verdict) for verdict in GRAVITY},
        hosts=tuple(_host_facts(evidence, host) for host in evidence.facts),
        picture=picture(site, tried(evidence.facts, _verdicts(found, "LEAK-01"))) if site is not None else None,
        data_map=_data_map(evidence, site) if site is not None else None,
        catalogue=catalogue,
        catalogue_changed=evidence.digest_of("catalogue") != catalogue.digest,
        signer=signer,
        zone=ZoneInfo(site["time_zone"] if site is not None else "UTC"),
        unreachable=evidence.results.get("unreachable", {}),
    )


def findings(judgements: Iterable[Judgement], verdicts: Iterable[str]) -> list[Finding]:
    """Put together what is the same on several hosts, but for the host's own name, in the order found."""
    wanted = set(verdicts)
    found: dict[tuple[str, str], list[Judgement]] = {}
    for each in judgements:
        if each.verdict in wanted:
            found.setdefault((each.verdict, _without_host(each)), []).append(each)
    merged = []
    for (verdict, general), same in found.items():
        hosts = tuple(dict.fromkeys(each.host for each in same))
        merged.append(Finding(verdict, same[0].message if len(hosts) == 1 else general, hosts))
    return merged


def _without_host(judgement: Judgement) -> str:
    return re.sub(rf"\bon {re.escape(judgement.host)}(?=[ .,;:)]|$)", "on each of them", judgement.message)


def gravest(verdicts: Iterable[str]) -> str:
    """Return the verdict that asks most of its reader; empty when there is none."""
    found = set(verdicts)
    return next((verdict for verdict in GRAVITY if verdict in found), "")


def _row(catalogue: Catalogue, safeguard: Safeguard, judged: list[Judgement], evidence: Evidence) -> Row:
    own = [each for each in judged if each.safeguard == safeguard.id]
    return Row(
        safeguard=safeguard,
        citations=tuple(catalogue.citations(safeguard)),
        subjects=catalogue.subjects(safeguard),
        checks=tuple(_check(name, own, evidence) for name in dict.fromkeys(each.check for each in own)),
    )


def _check(name: str, judged: list[Judgement], evidence: Evidence) -> Check:
    known = _known(evidence, name)
    own = tuple(each for each in judged if each.check == name)
    # A collector of another check may bear the same name: what came from the hosts themselves is this check's.
    from_hosts = {fact.name for each in own for fact in each.attempts if each.host != SITE}
    return Check(
        name=name,
        sentence=known.get("sentence", ""),
        sections=tuple(known.get("sections", ())),
        judgements=own,
        attempts=tuple(fact for fact in _attempts(evidence, SITE, name) if fact.name not in from_hosts),
    )


def _judgements(evidence: Evidence) -> list[Judgement]:
    return [
        Judgement(
            safeguard=result["safeguard"],
            host=result["host"],
            check=_short(result["check"]),
            verdict=result["verdict"],
            proof=result["proof"],
            vantage=result["vantage"],
            message=result["message"],
            attempts=_attempts_of(evidence, result),
        )
        for result in evidence.results["results"]
    ]


def _attempts_of(evidence: Evidence, result: dict[str, Any]) -> tuple[Fact, ...]:
    """What was collected for one verdict: from its host, or from each host where the whole site was judged."""
    name = _short(result["check"])
    if result["host"] != SITE:
        return _attempts(evidence, result["host"], name)
    hosts = [host for host in evidence.facts if host != SITE]
    return tuple(
        Fact(f"{fact.name}, {host}", fact.text, fact.cut) for host in hosts for fact in _attempts(evidence, host, name)
    )


def _attempts(evidence: Evidence, place: str, check: str) -> tuple[Fact, ...]:
    collected = evidence.facts.get(place, {})
    names = _known(evidence, check).get("collected", ())
    return tuple(
        _fact(name.replace("_", " "), collected[f"collected {name}"])
        for name in names
        if f"collected {name}" in collected
    )


def _known(evidence: Evidence, check: str) -> dict[str, Any]:
    """What the evidence keeps of a check: its sentence, and which facts it judges."""
    found: dict[str, Any] = evidence.context.get("checks", {}).get(check, {})
    return found


def _short(check: str) -> str:
    """`checks/test_ssh.py::test_x[web]` → `test_ssh.py::test_x`, as the context names it."""
    return check.rpartition("/")[2].partition("[")[0]


def _columns(
    evidence: Evidence, site: dict[str, Any] | None, judged: list[Judgement]
) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...]]:
    """The hosts in their trust domains, and the site-wide column where anything was judged of the site."""
    hosts = list(evidence.results["hosts"])
    of_domain = {each["name"]: each["domain"] for each in site["hosts"]} if site is not None else {}
    order = list(dict.fromkeys(of_domain.values()))
    hosts.sort(key=lambda host: order.index(of_domain[host]) if host in of_domain else len(order))
    names = [of_domain.get(host, "") for host in hosts]
    domains = [(name, names.count(name)) for name in dict.fromkeys(names)]
    if any(each.host == SITE for each in judged):
        return (*hosts, SITE), (*domains, ("", 1))
    return tuple(hosts), tuple(domains)


def _host_facts(evidence: Evidence, host: str) -> HostFacts:
    sections = evidence.facts[host]
    shown = [_fact(name, sections[name]) for name in sorted(sections) if not name.startswith("collected ")]
    return HostFacts(host, tuple(shown))


def _fact(name: str, section: Any) -> Fact:
    value = section
    if isinstance(section, dict) and "ok" in section:
        value = section.get("value") if section["ok"] else f"not answered: {section.get('error', '')}"
    text = value if isinstance(value, str) else _compact(value)
    return Fact(name, text[:LONGEST_FACT], len(text) > LONGEST_FACT)


def _compact(value: Any) -> str:
    """JSON with one line an entry: lists of small things stay on a line."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {json.dumps(each, ensure_ascii=False)}" for key, each in value.items())
    if isinstance(value, list):
        return "\n".join(json.dumps(each, ensure_ascii=False) for each in value)
    return json.dumps(value, ensure_ascii=False)


def _data_map(evidence: Evidence, site: dict[str, Any]) -> DataMap | None:
    zone = ZoneInfo(site["time_zone"])
    found = measured(evidence.facts, site.get("forms", {}), zone)
    return data_map(site, found, evidence.ended.astimezone(zone))


def _verdicts(rows: list[Row], safeguard: str) -> dict[str, str]:
    """The verdicts of one safeguard by host."""
    return {each.host: row.on(each.host) for row in rows if row.safeguard.id == safeguard for each in row.judgements}
