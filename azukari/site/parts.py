"""A site as far as it could be read: what the rules across its files look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azukari.site.hosts import DeclaredHosts
from azukari.site.models import Contract, DeclaredException, Flow, Host, Policy, Settings
from azukari.site.yaml_lines import Document, Where

HOSTS = "hosts.yml"
SITE, POLICY, CONTRACT, FLOWS, EXCEPTIONS, UPSTREAM = (
    f"group_vars/all/{name}.yml" for name in ("site", "policy", "contract", "flows", "exceptions", "upstream")
)


@dataclass(frozen=True)
class Parts:
    """The files' contents; None stands for a file that could not be read."""

    folder: Path
    documents: Mapping[str, Document]
    declared: DeclaredHosts
    settings: Settings | None
    policy: Policy | None
    contract: Contract | None
    flows: tuple[Flow, ...] | None
    exceptions: tuple[DeclaredException, ...] | None

    @property
    def hosts(self) -> Mapping[str, Host]:
        """The hosts by name."""
        return self.declared.hosts

    @property
    def lab(self) -> bool:
        """Whether keys and much else may still be missing; also when nobody can tell."""
        return self.settings is None or self.settings.lab

    def add(self, file: str, where: Where, message: str) -> None:
        """Note a problem at a part of a file."""
        self.documents[file].add(where, message)

    def add_at_host(self, name: str, key: str, message: str) -> None:
        """Note a problem at a host's variable, or at the host when `key` is empty."""
        where = self.declared.where[name]
        self.add(HOSTS, (*where, key) if key else where, message)

    def known(self) -> str:
        """Return the names of hosts and groups as words."""
        return ", ".join(sorted(self.declared.names))
