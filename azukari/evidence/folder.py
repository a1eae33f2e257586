"""One folder of evidence: written whole or not at all, found again by kind and time."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from azukari.evidence import context, dsse, statement
from azukari.evidence.record import Kind, Record, of_run
from azukari.evidence.shapes import (
    ANY_SHAPE,
    CONTEXT_SHAPE,
    FACTS_SHAPE,
    RESULTS_SHAPE,
    STATEMENT_SHAPE,
    EvidenceInvalid,
    read,
)
from azukari.evidence.signer import Signer, fingerprint
from azukari.site import Site, home, state_dir
from azukari.site.zone import public_addresses
from azukari.verify import RunResult
from azukari.verify.redaction import redact

STATEMENT = "statement.dsse.json"
RESULTS, FACTS, CONTEXT = "results.json", "facts.json", "context.json"
FILES = (STATEMENT, RESULTS, FACTS, CONTEXT)
HOSTS_WITHOUT_SITE = "hosts"


@dataclass(frozen=True)
class Evidence:
    """A folder of evidence, read but not verified: `azukari.evidence.verify` does that."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name: UTC time, kind and six letters."""
        return self.folder.name

    @cached_property
    def statement(self) -> dict[str, Any]:
        """The in-toto statement; raises EvidenceInvalid when it cannot be read."""
        path = self.folder / STATEMENT
        try:
            payload = dsse.parse(path.read_bytes()).payload
        except (OSError, ValueError, RecursionError) as error:
            raise EvidenceInvalid(f"{path} cannot be read: {error}.") from error
        return read(STATEMENT_SHAPE, payload, path)

    @property
    def run(self) -> dict[str, Any]:
        """What the statement says of the run itself: kind, times, hosts, vantages, nonce, files."""
        found: dict[str, Any] = self.statement["predicate"]["azukari"]
        return found

    @property
    def kind(self) -> str:
        """`verify`, `plan` or `drill`."""
        return str(self.run["kind"])

    @property
    def outcome(self) -> str:
        """PASSED, WARNED or FAILED."""
        return str(self.statement["predicate"]["result"])

    @property
    def subject(self) -> str:
        """The name of the site, or the address of a lone host."""
        return str(self.statement["subject"][0]["name"])

    @property
    def site_digest(self) -> str:
        """The SHA-256 of the site as it was declared then."""
        return str(self.statement["subject"][0]["digest"]["sha256"])

    @property
    def started(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self.run["started"])

    @property
    def ended(self) -> datetime:
        """When the run ended."""
        return datetime.fromisoformat(self.run["ended"])

    def digest_of(self, part: str) -> str:
        """Return the SHA-256 of a part of the configuration, such as `azukari` or `catalogue`; empty if absent."""
        parts = self.statement["predicate"]["configuration"]
        return next((str(each["digest"]["sha256"]) for each in parts if each["name"] == part), "")

    @cached_property
    def results(self) -> dict[str, Any]:
        """What was found, as published; raises EvidenceInvalid when it has not the shape of its kind."""
        return self._json(RESULTS, RESULTS_SHAPE if self.kind == "verify" else ANY_SHAPE)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the servers answered, by host and section."""
        return self._json(FACTS, FACTS_SHAPE if self.kind == "verify" else ANY_SHAPE)

    @cached_property
    def context(self) -> dict[str, Any]:
        """The site as declared, and the sentences of the checks."""
        return self._json(CONTEXT, CONTEXT_SHAPE)

    def _json(self, name: str, shape: TypeAdapter[Any]) -> dict[str, Any]:
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EvidenceInvalid(f"{path} cannot be read: {error}.") from error
        return read(shape, data, path)


def write(
    run: RunResult | Record, site: Site | None, signer: Signer, kind: Kind = "verify", nonce: str | None = None
) -> Path:
    """Sign a run and keep it.

    Args:
        run: what was found; its facts are redacted here once more before anything is signed.
        site: the declared site; None when a lone host was judged.
        signer: whose key signs.
        kind: what was run.
        nonce: the auditor's nonce, if one was given and the run does not carry it.

    Returns:
        The new folder, below the site's state, as `<UTC time>-<kind>-<6 letters>`.
    """
    record = of_run(run, kind) if isinstance(run, RunResult) else run
    if nonce is not None and record.nonce is None:
        record = replace(record, nonce=nonce)
    facts = redact(record.facts, public_addresses(site))
    record = replace(record, results=_closed(record.results), facts=facts)
    files = {
        RESULTS: statement.canonical(record.results),
        FACTS: statement.canonical(record.facts),
        CONTEXT: statement.canonical(context.of(site)),
    }
    payload = statement.canonical(statement.build(record, site, files))
    signature = signer.sign(dsse.signed_bytes(payload))
    files[STATEMENT] = dsse.Envelope(payload, fingerprint(signer.public_key), signature).to_bytes()
    return _place(files, folder_of(site), record)


def _closed(results: Mapping[str, Any]) -> dict[str, Any]:
    """Redact what was found on servers, not what azukari itself says of the run."""
    if "results" not in results:
        return dict(results)
    judged = [{**result, "message": redact(result["message"])} for result in results["results"]]
    return {**results, "results": judged}


def _place(files: dict[str, bytes], where: Path, record: Record) -> Path:
    """Write all files beside, then rename: a run that is killed leaves no half evidence."""
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = record.ended.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=where))
    try:
        for name, data in files.items():
            with (beside / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        folder = where / f"{stamp}-{record.kind}-{secrets.token_hex(3)}"
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return folder


def folder_of(site: Site | str | None) -> Path:
    """Return where the evidence of a site lies; of lone hosts, where there is no site."""
    return (state_dir(site) if site is not None else home() / HOSTS_WITHOUT_SITE) / "evidence"


def listed(site: Site | str | None, kind: Kind | None = None) -> list[Evidence]:
    """Return a site's evidence, newest first; of one kind, or all.

    Args:
        site: the site, or its name; None for lone hosts.
        kind: `verify`, `plan` or `drill`.
    """
    where = folder_of(site)
    if not where.is_dir():
        return []
    folders = [path for path in where.iterdir() if (path / STATEMENT).is_file() and not path.name.startswith(".")]
    folders.sort(key=lambda path: path.name, reverse=True)
    return [Evidence(path) for path in folders if kind is None or f"-{kind}-" in path.name]


def newest(site: Site | str | None, kind: Kind = "verify") -> Evidence | None:
    """Return the newest evidence of a kind, unverified; None when there is none."""
    return next(iter(listed(site, kind)), None)
