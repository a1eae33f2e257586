"""What must hold across a site's files; each rule notes its problems where the user can mend them."""

from azukari.site import rules_acme, rules_contract, rules_flows, rules_hosts, rules_policy
from azukari.site.parts import Parts


def apply(parts: Parts) -> None:
    """Apply every rule for which enough could be read."""
    rules_hosts.apply(parts)
    if parts.policy:
        rules_policy.apply(parts, parts.policy)
    if parts.contract:
        rules_contract.apply(parts, parts.contract)
    if parts.exceptions:
        rules_contract.apply_exceptions(parts, parts.exceptions)
    if parts.flows:
        rules_flows.apply(parts, parts.flows)
    if parts.settings and parts.settings.acme:
        rules_acme.apply(parts, parts.settings, parts.settings.acme)
