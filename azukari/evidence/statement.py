"""The statement: in-toto Statement v1 with the predicate test-result v0.1.

Sources: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and …/spec/predicates/test-result.md.
What is ours stands below `azukari` in the predicate; readers that do not know it pass over it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import azukari
from azukari import safeguards
from azukari.content import content
from azukari.evidence import origin
from azukari.evidence.record import Record
from azukari.site import Site
from azukari.verify.facts import PROGRAM

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
SCHEMA = 1
_APPROVAL = "approval.sig"


def build(record: Record, site: Site | None, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the statement about a run.

    Args:
        record: the run.
        site: the declared site; None when a lone host was judged.
        files: the files of the evidence, by name, whose digests the statement carries.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(record, site)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": record.outcome,
            "configuration": _configuration(site),
            "passedTests": list(record.passed),
            "warnedTests": list(record.warned),
            "failedTests": list(record.failed),
            "azukari": {
                "schema": SCHEMA,
                "kind": record.kind,
                "started": record.started.isoformat(),
                "ended": record.ended.isoformat(),
                "hosts": list(record.hosts),
                "vantages": list(record.vantages),
                "judged_as": record.judged_as,
                "host_identity": record.identity,
                "nonce": record.nonce,
                "files": [_resource(name, hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items())],
            },
        },
    }


def canonical(document: Any) -> bytes:
    """Return JSON in the one form in which evidence is written: UTF-8, keys sorted, one newline at the end."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def _subject(record: Record, site: Site | None) -> dict[str, Any]:
    if site is not None:
        return _resource(site.name, site.digest())
    # A lone host declares nothing: what is attested is what it answered.
    answered = hashlib.sha256(canonical(record.facts)).hexdigest()
    return _resource(record.subject, answered)


def _configuration(site: Site | None) -> list[dict[str, Any]]:
    parts = [
        {**_resource("azukari", origin.digest()), "annotations": {"version": azukari.__version__}},
        _resource("catalogue", safeguards.digest()),
        _resource("facts program", origin.file_digest(content(PROGRAM))),
    ]
    if site is not None:
        parts.append(_resource("site", site.digest()))
        if (site.path / _APPROVAL).is_file():
            parts.append(_resource("approval", origin.file_digest(site.path / _APPROVAL)))
    return parts


def _resource(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}
