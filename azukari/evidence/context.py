"""What a reader needs beside the answers: the site as it was declared that day, and what each check promises to judge.

Kept inside the evidence, so that a report can be drawn years later from the folder alone.
"""

from typing import Any

from azukari.content import content
from azukari.people.sealing_keys import stated_keys
from azukari.safeguards.chain import checks_in
from azukari.site import Site, approval
from azukari.verify.website import declared_forms


def of(site: Site | None) -> dict[str, Any]:
    """Return the context of a run as JSON-able data; without a site, that of the checks alone."""
    checks = {
        f"{each.file.removeprefix('checks/')}::{each.function}": {
            "safeguard": each.safeguard,
            "sentence": each.sentence,
            "sections": list(each.sections),
            "collected": list(each.collected),
        }
        for each in checks_in(content("checks"))
    }
    return {"checks": checks, "site": _declared(site) if site is not None else None}


def _declared(site: Site) -> dict[str, Any]:
    approved = approval(site)
    settings, contract = site.settings, site.contract
    return {
        "name": site.name,
        "title": settings.title.model_dump(),
        "lab": settings.lab,
        "time_zone": str(settings.time_zone),
        "names": list(settings.names),
        "approval": {"state": approved.state, "changed": list(approved.changed), "signer": approved.signer},
        "listing": site.listing(),
        "contract": {
            "number": contract.number,
            "office": contract.office.name.model_dump(),
            "contractor": contract.contractor.name,
            "auditor": contract.auditor.name,
            "start": contract.start.isoformat(),
            "end": contract.end.isoformat(),
        },
        "hosts": [
            {
                "name": host.name,
                "domain": host.domain,
                "groups": list(host.groups),
                "address": str(host.address),
                "address6": str(host.address6 or ""),
            }
            for host in site.hosts.values()
        ],
        "flows": [
            {"from": flow.source, "to": flow.to, "port": flow.port, "protocol": flow.protocol, "why": flow.why}
            for flow in site.flows
        ],
        "policy": site.policy.model_dump(mode="json"),
        "forms": {path: collection.name for path, collection in declared_forms(site).items()},
        "sealing_keys": stated_keys(site),
        "exceptions": [{**each.model_dump(mode="json"), "until": each.until.isoformat()} for each in site.exceptions],
    }
