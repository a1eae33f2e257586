"""What the report shows, made from evidence and catalogue alone: pure, so that it can be tested without a page."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from azukari.evidence import Evidence
from azukari.report.flows import Picture, picture, tried
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
    """One check's verdict on one host; `attempts` is what its collectors brought, `sections` the facts it judged."""

    safeguard: str
    host: str
    check: str
    sentence: str
    verdict: str
    proof: str
    vantage: str
    message: str
    attempts: tuple[Fact, ...]
    sections: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A safeguard with all that was judged of it."""

    safeguard: Safeguard
    citations: tuple[Citation, ...]
    subjects: dict[str, Subject]
    judgements: tuple[Judgement, ...]

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

    def judgements(self, *verdicts: str) -> list[tuple[Row, Judgement]]:
        """Return the judgements with one of the verdicts, in the catalogue's order."""
        return [(row, each) for row in self.rows for each in row.judgements if each.verdict in verdicts]

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
    rows = [_row(catalogue, safeguard, judged) for safeguard in catalogue]
    found = [row for row in rows if row.judgements]
    results = [each.verdict for row in found for each in row.judgements]
    columns, domains = _columns(evidence, site, judged)
    return View(
        evidence=evidence,
        site=site,
        rows=tuple(found),
        planned=tuple(row for row in rows if row.safeguard.status == "planned" and not row.judgements),
        unjudged=tuple(row for row in rows if row.safeguard.status == "in force" and not row.judgements),
        columns=columns,
        domains=domains,
        counts={verdict: results.count(verdict) for verdict in GRAVITY},
        hosts=tuple(_host_facts(evidence, host) for host in evidence.facts),
        picture=picture(site, tried(evidence.facts, _verdicts(found, "LEAK-01"))) if site is not None else None,
        catalogue=catalogue,
        catalogue_changed=evidence.digest_of("catalogue") != catalogue.digest,
        signer=signer,
        zone=ZoneInfo(site["time_zone"] if site is not None else "UTC"),
        unreachable=evidence.results.get("unreachable", {}),
    )


def gravest(verdicts: Iterable[str]) -> str:
    """Return the verdict that asks most of its reader; empty when there is none."""
    found = set(verdicts)
    return next((verdict for verdict in GRAVITY if verdict in found), "")


def _row(catalogue: Catalogue, safeguard: Safeguard, judged: list[Judgement]) -> Row:
    return Row(
        safeguard=safeguard,
        citations=tuple(catalogue.citations(safeguard)),
        subjects=catalogue.subjects(safeguard),
        judgements=tuple(each for each in judged if each.safeguard == safeguard.id),
    )


def _judgements(evidence: Evidence) -> list[Judgement]:
    checks = evidence.context.get("checks", {})
    found = []
    for result in evidence.results["results"]:
        known = checks.get(_short(result["check"]), {})
        found.append(
            Judgement(
                safeguard=result["safeguard"],
                host=result["host"],
                check=result["check"],
                sentence=known.get("sentence", ""),
                verdict=result["verdict"],
                proof=result["proof"],
                vantage=result["vantage"],
                message=result["message"],
                attempts=_attempts(evidence, result["host"], known.get("collected", ())),
                sections=tuple(known.get("sections", ())),
            )
        )
    return found


def _attempts(evidence: Evidence, host: str, collectors: Iterable[str]) -> tuple[Fact, ...]:
    """What a check's collectors brought; for the whole site also what they brought from each host."""
    found = []
    for name in collectors:
        for place in dict.fromkeys([host, *(evidence.facts if host == SITE else ())]):
            section = evidence.facts.get(place, {}).get(f"collected {name}")
            title = name.replace("_", " ")
            if section is not None:
                found.append(_fact(title if place == host else f"{title}, {place}", section))
    return tuple(found)


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


def _verdicts(rows: list[Row], safeguard: str) -> dict[str, str]:
    """The verdicts of one safeguard by host."""
    return {each.host: row.on(each.host) for row in rows if row.safeguard.id == safeguard for each in row.judgements}
