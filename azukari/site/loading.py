"""Loads a site's folder, whole and checked, or says everything that is wrong with it."""

import datetime
import zoneinfo
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from azukari.errors import InputError
from azukari.site import digest as digests
from azukari.site import keys, rules
from azukari.site.explain import validate
from azukari.site.fields import Domain, Network
from azukari.site.flows import Endpoints, ResolvedFlow, proxy_names
from azukari.site.folder import check_folder
from azukari.site.hosts import read_hosts
from azukari.site.models import (
    Contract,
    ContractFile,
    DeclaredException,
    ExceptionsFile,
    Flow,
    FlowsFile,
    Host,
    KeyHolder,
    Person,
    Policy,
    PolicyFile,
    Settings,
    SiteFile,
    Upstream,
    UpstreamFile,
)
from azukari.site.parts import CONTRACT, EXCEPTIONS, FLOWS, HOSTS, POLICY, SITE, UPSTREAM, Parts
from azukari.site.problems import Problem, SiteInvalid
from azukari.site.yaml_lines import Document, read

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Site:
    """A loaded site.

    Attributes:
        path: its folder.
        hosts: by name, in the order of `hosts.yml`.
        upstream: None only in a lab that was not brought up yet.
    """

    path: Path
    hosts: dict[str, Host]
    settings: Settings
    policy: Policy
    contract: Contract
    flows: tuple[Flow, ...]
    exceptions: tuple[DeclaredException, ...]
    upstream: Upstream | None

    @property
    def name(self) -> str:
        """The site's short name."""
        return self.settings.name

    @property
    def lab(self) -> bool:
        """Whether these are disposable servers of azukari's own lab."""
        return self.settings.lab

    @cached_property
    def _endpoints(self) -> Endpoints:
        return Endpoints(self.hosts, self.settings)

    def today(self) -> datetime.date:
        """Return the day that it is in the site's time zone: the contract's dates are meant there."""
        return datetime.datetime.now(zoneinfo.ZoneInfo(self.settings.time_zone)).date()

    def host(self, name: str) -> Host:
        """Return a host by name.

        Raises:
            InputError: the site has no such host.
        """
        if name not in self.hosts:
            raise InputError(f"The site {self.name} has no host “{name}”; it has {', '.join(self.hosts)}.")
        return self.hosts[name]

    def group(self, name: str) -> list[Host]:
        """Return the hosts of a group."""
        return [host for host in self.hosts.values() if name in host.groups]

    def domain_hosts(self, domain: Domain | str) -> list[Host]:
        """Return the hosts of a trust domain."""
        return [host for host in self.hosts.values() if host.domain == domain]

    def addresses(self, endpoint: str) -> list[Network]:
        """Return the addresses of a host, a group, `all`, `visitors`, `controller`, `office` or `auditor`."""
        return self._endpoints.addresses(endpoint)

    @cached_property
    def resolved_flows(self) -> tuple[ResolvedFlow, ...]:
        """Every declared flow, split into pairs of one source and one destination."""
        return tuple(pair for flow in self.flows for pair in self._endpoints.resolve(flow))

    def flows_in(self, host: Host | str) -> list[ResolvedFlow]:
        """Return the flows that may enter a host."""
        name = host if isinstance(host, str) else host.name
        return [flow for flow in self.resolved_flows if flow.to_name == name]

    def flows_out(self, host: Host | str) -> list[ResolvedFlow]:
        """Return the flows that may leave a host, those to `proxy:NAME` included."""
        name = host if isinstance(host, str) else host.name
        return [flow for flow in self.resolved_flows if flow.source_name == name]

    def proxy_names(self) -> list[str]:
        """Return the names outside that the proxy may reach, sorted."""
        return proxy_names(self.flows, self.upstream)

    def people_on(self, host: Host | str, on: datetime.date | None = None) -> list[Person]:
        """Return the people who have access to a host on a day (default: today in the site's time zone)."""
        name = host if isinstance(host, str) else host.name
        day = on or self.today()
        in_force = self.contract.start <= day <= self.contract.end
        return [person for person in self.contract.people if in_force and name in person.hosts and person.current(day)]

    def person_keys(self, person: KeyHolder) -> list[str]:
        """Return a person's public keys as “TYPE BASE64”.

        Raises:
            InputError: a key's file is missing or holds no key.
        """
        return [keys.public_key(self.path, declared) for declared in person.keys]

    def host_fingerprint(self, host: Host | str) -> str:
        """Return the declared fingerprint of a host's key, `SHA256:…`.

        Raises:
            InputError: the key's file is missing or holds no key.
        """
        declared = (self.host(host) if isinstance(host, str) else host).host_key
        return declared if declared.startswith("SHA256:") else keys.fingerprint(keys.public_key(self.path, declared))

    def host_public_key(self, host: Host | str) -> str | None:
        """Return the declared key of a host as “TYPE BASE64”; None when only its fingerprint is declared."""
        declared = (self.host(host) if isinstance(host, str) else host).host_key
        return None if declared.startswith("SHA256:") else keys.public_key(self.path, declared)

    def listing(self) -> dict[str, str]:
        """Return path → SHA-256 of every file that the approval covers, read now."""
        return digests.listing(self.path)

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the listing: the site's digest."""
        return digests.digest(self.listing())


def load(path: Path | str) -> Site:
    """Load a site.

    Args:
        path: the site's folder.

    Raises:
        SiteInvalid: with every problem of every file.
        InputError: there is no such folder.
    """
    folder = Path(path).absolute()
    if not folder.is_dir():
        raise InputError(f"{path} is no folder; a site is one, with hosts.yml and group_vars; make it: azukari init.")
    if not (folder / HOSTS).exists() and not (folder / SITE).exists():
        raise InputError(f"{path} is no site: it has neither {HOSTS} nor {SITE}; make one with `azukari init FOLDER`.")
    problems = check_folder(folder)
    files = _Files(folder)
    declared = read_hosts(files.document(HOSTS))
    site = files.model(SiteFile, SITE)
    settings = site.site if site else None
    policy = files.model(PolicyFile, POLICY)
    contract = files.model(ContractFile, CONTRACT)
    flows = files.model(FlowsFile, FLOWS)
    exceptions = files.model(ExceptionsFile, EXCEPTIONS)
    # The lab's own file is made by `azukari lab up`, from what the machine itself uses.
    upstream = files.model(UpstreamFile, UPSTREAM, needed=settings is not None and not settings.lab)
    parts = Parts(
        folder,
        files.documents,
        declared,
        settings,
        policy.policy if policy else None,
        contract.contract if contract else None,
        flows.flows if flows else None,
        exceptions.exceptions if exceptions else None,
    )
    rules.apply(parts)
    problems += [problem for document in files.documents.values() for problem in document.problems]
    if problems or not (settings and policy and contract and flows and exceptions):
        raise SiteInvalid(str(path), problems)
    return Site(
        path=folder,
        hosts=declared.hosts,
        settings=settings,
        policy=policy.policy,
        contract=contract.contract,
        flows=flows.flows,
        exceptions=exceptions.exceptions,
        upstream=upstream.upstream if upstream else None,
    )


class _Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents: dict[str, Document] = {}

    def document(self, name: str, *, needed: bool = True) -> Document:
        """Read a file, once; a missing one has no value, and a problem when it is needed."""
        path = self.folder / name
        if path.is_file():
            document = read(path, name)
        else:
            document = Document(name)
            if needed:
                missing = Problem(name, 0, "is missing; a site needs it; copy it from inventory/example.")
                document.problems.append(missing)
        self.documents[name] = document
        return document

    def model(self, model: type[Model], name: str, *, needed: bool = True) -> Model | None:
        """Make a file's model, as far as it is lawful."""
        document = self.document(name, needed=needed)
        return validate(document, model) if (self.folder / name).is_file() else None
