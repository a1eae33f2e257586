"""What a run of checks found: five verdicts, as JSON (results.schema.json) and as JUnit."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field

from azukari.verify.authoring import Proof

Verdict = Literal["pass", "fail", "not-applicable", "not-evaluated", "excepted"]

SCHEMA = Path(__file__).with_name("results.schema.json")


class Result(BaseModel):
    """One check's verdict on one host, or on the whole site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    safeguard: Annotated[str, Field(description="The safeguard's id.", pattern=r"^(LEAK|LOSS|DEST|USE|CONT)-\d\d$")]
    check: Annotated[str, Field(description="The check, as FILE::FUNCTION.")]
    host: Annotated[str, Field(description="The host's name, or “site” for a site-wide verdict.")]
    vantage: Annotated[str, Field(description="From where it was asked or attempted.")]
    proof: Annotated[Proof, Field(description="The strongest kind of proof behind the verdict.")]
    verdict: Verdict
    message: Annotated[str, Field(description="What was found; why not, where it was not judged; never empty.")]


class Published(BaseModel):
    """A run as it is published by `azukari verify --json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: Annotated[str, Field(description="The site's name; the address where a lone host was judged.")]
    azukari: Annotated[str, Field(description="The version that judged.")]
    started: datetime
    ended: datetime
    seconds: Annotated[float, Field(description="How long the run took.", ge=0)]
    hosts: Annotated[list[str], Field(description="The hosts that were to be judged.")]
    unreachable: Annotated[dict[str, str], Field(description="Hosts that gave no answer, and what was said instead.")]
    judged_as: Annotated[Literal["contractor", "auditor"], Field(description="With whose identity it was asked.")]
    identity: Annotated[str, Field(description="How the hosts' identity was proven.")]
    nonce: Annotated[str | None, Field(description="The auditor's nonce, if one was given.")] = None
    results: list[Result]


class RunResult(Published):
    """A run, with the facts that it judged: redacted, by host and section, for the evidence.

    A section is `{"ok": true, "value": …}` or `{"ok": false, "error": …}`; beside the facts program's sections there
    are `commands` and, for each collector, `collected NAME`.
    """

    facts: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def published(self) -> dict[str, Any]:
        """Return the run as JSON-able data of results.schema.json."""
        return self.model_dump(mode="json", exclude={"facts"})

    def to_json(self) -> str:
        """Return the run as JSON text of results.schema.json."""
        return json.dumps(self.published(), ensure_ascii=False, indent=2) + "\n"

    def to_junit(self) -> str:
        """Return the run as JUnit XML, a suite a host."""
        return junit(self)

    @property
    def exit_code(self) -> int:
        """0 holds, 1 a safeguard fails, 2 something could not be judged, or nothing was."""
        return exit_code(self.results)


def exit_code(results: Iterable[Result]) -> int:
    """Return the exit code of some results; see RunResult.exit_code."""
    verdicts = {result.verdict for result in results}
    if "fail" in verdicts:
        return 1
    return 2 if "not-evaluated" in verdicts or not verdicts & {"pass", "excepted"} else 0


def schema() -> dict[str, Any]:
    """Return the JSON schema of what is published; results.schema.json is this, and a test says so."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Published.model_json_schema(mode="serialization"),
        "title": "Results of azukari verify",
    }


def junit(run: RunResult) -> str:
    """Return JUnit XML: not-evaluated is an error, not-applicable and excepted are skipped, with their reasons."""
    suites = ElementTree.Element("testsuites", name=f"azukari verify {run.site}", time=f"{run.seconds:.3f}")
    by_host: dict[str, list[Result]] = {}
    for result in run.results:
        by_host.setdefault(result.host, []).append(result)
    for host, results in by_host.items():
        counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in ("fail", "not-evaluated")}
        skipped = sum(r.verdict in {"not-applicable", "excepted"} for r in results)
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=host,
            tests=str(len(results)),
            failures=str(counts["fail"]),
            errors=str(counts["not-evaluated"]),
            skipped=str(skipped),
            timestamp=run.started.isoformat(),
        )
        for result in results:
            case = ElementTree.SubElement(suite, "testcase", classname=result.safeguard, name=f"{result.check}[{host}]")
            tag = {"fail": "failure", "not-evaluated": "error", "pass": None}.get(result.verdict, "skipped")
            if tag:
                ElementTree.SubElement(case, tag, message=_printable(result.message), type=result.verdict)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold: a server's answer may contain anything."""
    return "".join(sign for sign in text if sign in "\t\n\r" or (ord(sign) >= 32 and not 0xD800 <= ord(sign) <= 0xDFFF))
