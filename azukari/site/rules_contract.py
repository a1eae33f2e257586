"""The contract: its dates, its people, who keeps what; and the exceptions, which end with it."""

import contextlib
from pathlib import Path

from azukari.errors import InputError
from azukari.site import keys
from azukari.site.fields import DOMAINS
from azukari.site.models import Contract, DeclaredException, KeyHolder, Person
from azukari.site.parts import CONTRACT, EXCEPTIONS, Parts
from azukari.site.yaml_lines import Where

_DUTY_DOMAIN = {"operator": "production", "database": "production", "vault-keeper": "vault", "log-keeper": "log"}
# Accounts that Debian or azukari brings: a person of that name would become one of them.
# fmt: off
_SYSTEM_NAMES = frozenset({
    "adm", "admin", "auditor", "backup", "bin", "chrony", "controller", "daemon", "games", "irc", "list", "lp",
    "mail", "man", "messagebus", "news", "nginx", "nobody", "office", "postfix", "postgres", "proxy", "root",
    "shadow", "squid", "sshd", "staff", "sudo", "sync", "sys", "unbound", "users", "uucp", "visitors", "www-data",
})
# fmt: on


def apply(parts: Parts, contract: Contract) -> None:
    """Apply the rules about the contract."""
    if contract.end < contract.start:
        message = f"“end” {contract.end} is before “start” {contract.start}; allowed is that day or later; correct it."
        parts.add(CONTRACT, ("contract", "end"), message)
        return
    _reentrusted(parts, contract)
    seen: set[str] = set()
    for index, person in enumerate(contract.people):
        where: Where = ("contract", "people", index)
        if person.name in seen:
            message = f"the person “{person.name}” is declared a second time; login names differ; rename or remove one."
            parts.add(CONTRACT, (*where, "name"), message)
        seen.add(person.name)
        if person.name in _SYSTEM_NAMES or person.name.startswith(("azukari", "systemd")):
            message = f"the login name “{person.name}” belongs to the system; allowed is any other; rename it."
            parts.add(CONTRACT, (*where, "name"), message)
        if ":" in person.full_name:
            message = f"the name “{person.full_name}” holds a colon, which /etc/passwd cannot; write it without."
            parts.add(CONTRACT, (*where, "full_name"), message)
        _dates(parts, contract, where, person)
        _hosts(parts, where, person)
    _disclosers(parts, contract)
    _persons_apart(parts, contract)
    _authorities(parts, contract)
    if not parts.lab:
        _key_files(parts, contract)
        _authority_files(parts)


def _reentrusted(parts: Parts, contract: Contract) -> None:
    seen = {contract.contractor.name}
    for index, company in enumerate(contract.reentrusted):
        where: Where = ("contract", "reentrusted", index)
        if company.name in seen:
            message = f"“{company.name}” is declared a second time; company names differ; remove one."
            parts.add(CONTRACT, (*where, "name"), message)
        seen.add(company.name)
        if company.end < company.start:
            message = (
                f"“end” {company.end} is before “start” {company.start}; allowed is that day or later; correct it."
            )
            parts.add(CONTRACT, (*where, "end"), message)
        if company.approved > company.start:
            message = (
                f"“approved” {company.approved} is after “start” {company.start}; consent comes first; correct one."
            )
            parts.add(CONTRACT, (*where, "approved"), message)
        for key, day in (("start", company.start), ("end", company.end)):
            if not contract.start <= day <= contract.end:
                message = f"“{key}” {day} is outside the contract ({contract.start} to {contract.end}); correct it."
                parts.add(CONTRACT, (*where, key), message)


def _dates(parts: Parts, contract: Contract, where: Where, person: Person) -> None:
    if person.until < person.since:
        message = f"“until” {person.until} is before “from” {person.since}; allowed is that day or later; correct it."
        parts.add(CONTRACT, (*where, "until"), message)
    if person.since < contract.start:
        message = (
            f"“from” {person.since} is before the contract's start; allowed is {contract.start} or later; correct it."
        )
        parts.add(CONTRACT, (*where, "from"), message)
    if person.until > contract.end:
        message = (
            f"“until” {person.until} is past the contract's end; allowed is {contract.end} or earlier; correct it."
        )
        parts.add(CONTRACT, (*where, "until"), message)
    if person.trained > person.since:
        message = (
            f"“trained” {person.trained} is after “from” {person.since}; training comes before access; correct one."
        )
        parts.add(CONTRACT, (*where, "trained"), message)
    if person.employer == contract.contractor.name:
        return
    company = next((one for one in contract.reentrusted if one.name == person.employer), None)
    if company is None:
        employers = ", ".join([contract.contractor.name, *(one.name for one in contract.reentrusted)])
        message = f"the employer “{person.employer}” is no party of the contract; there are {employers}; correct it."
        parts.add(CONTRACT, (*where, "employer"), message)
        return
    for key, day in (("from", person.since), ("until", person.until)):
        if contract.start <= day <= contract.end and not company.start <= day <= company.end:
            allowed = f"{company.start} to {company.end}"
            message = (
                f"“{key}” {day} is outside the re-entrustment to {company.name}; allowed is {allowed}; correct it."
            )
            parts.add(CONTRACT, (*where, key), message)


def _hosts(parts: Parts, where: Where, person: Person) -> None:
    if _DUTY_DOMAIN[person.duty] != person.domain:
        message = (
            f"the duty {person.duty} is of the domain {_DUTY_DOMAIN[person.duty]}, not {person.domain}; correct one."
        )
        parts.add(CONTRACT, (*where, "duty"), message)
    for number, name in enumerate(person.hosts):
        host = parts.hosts.get(name)
        at: Where = (*where, "hosts", number)
        if host is not None and host.domain != person.domain:
            message = (
                f"“{name}” is of the domain {host.domain}; allowed for “{person.name}” is {person.domain}; remove it."
            )
            parts.add(CONTRACT, at, message)
        if name in person.hosts[:number]:
            parts.add(CONTRACT, at, f"“{name}” stands here twice; once is enough; remove one.")
        if host is None and parts.hosts and name not in parts.declared.names:
            message = f"“{name}” is no host of this site; there are {', '.join(parts.hosts)}; correct it."
            parts.add(CONTRACT, at, message)


def _disclosers(parts: Parts, contract: Contract) -> None:
    """A disclosure takes two people of the office's own, whom nobody else can play."""
    if len(contract.disclosers) == 1:
        message = "one person stands here; a disclosure needs the signatures of two; name another, or nobody."
        parts.add(CONTRACT, ("contract", "disclosers"), message)
    names = {person.name for person in contract.people}
    full_names = {" ".join(person.full_name.split()).casefold(): person.name for person in contract.people}
    for index, person in enumerate(contract.disclosers):
        where: Where = ("contract", "disclosers", index)
        if person.name in names:
            message = f"the person “{person.name}” is declared a second time; names differ; rename or remove one."
            parts.add(CONTRACT, (*where, "name"), message)
        names.add(person.name)
        full_name = " ".join(person.full_name.split()).casefold()
        if (other := full_names.setdefault(full_name, person.name)) != person.name:
            message = (
                f"{person.full_name} is “{other}” too; a disclosure is signed by two different people; name others."
            )
            parts.add(CONTRACT, (*where, "full_name"), message)
        if person.until < person.since:
            message = (
                f"“until” {person.until} is before “from” {person.since}; allowed is that day or later; correct it."
            )
            parts.add(CONTRACT, (*where, "until"), message)


def _persons_apart(parts: Parts, contract: Contract) -> None:
    """One person, one domain; one key, one person: whoever had two would keep two domains."""
    domains: dict[str, Person] = {}
    owners: dict[str, str] = {}
    for index, person in enumerate(contract.people):
        where: Where = ("contract", "people", index)
        full_name = " ".join(person.full_name.split()).casefold()
        first = domains.setdefault(full_name, person)
        if first.domain != person.domain:
            message = (
                f"{person.full_name} is of the domain {person.domain} here and of {first.domain} as “{first.name}”; "
                "the domains are kept by different people; name another person."
            )
            parts.add(CONTRACT, (*where, "full_name"), message)
        _own_keys(parts, where, person, owners)
    for index, discloser in enumerate(contract.disclosers):
        _own_keys(parts, ("contract", "disclosers", index), discloser, owners)


def _own_keys(parts: Parts, where: Where, person: KeyHolder, owners: dict[str, str]) -> None:
    for number, declared in enumerate(person.keys):
        at: Where = (*where, "keys", number)
        key = _person_key(parts, at, declared)
        owner = owners.setdefault(key, person.name)
        if owner != person.name:
            message = f"this key is also a key of “{owner}”; each person has keys of their own; give another."
            parts.add(CONTRACT, at, message)


def _person_key(parts: Parts, where: Where, declared: str) -> str:
    if declared.startswith("keys/") and parts.lab and not (parts.folder / declared).exists():
        return declared
    try:
        return keys.public_key(parts.folder, declared)
    except InputError as error:
        parts.add(CONTRACT, where, error.message)
        return declared


def _authorities(parts: Parts, contract: Contract) -> None:
    by_name = {person.name: person for person in contract.people}
    broken = ("contract", "people") in parts.documents[CONTRACT].kept
    for domain in DOMAINS:
        where: Where = ("contract", "authorities", domain)
        keeper = getattr(contract.authorities, domain)
        person = by_name.get(keeper)
        allowed = ", ".join(one.name for one in contract.people if one.domain == domain) or "none yet"
        if person is None and not broken:
            message = (
                f"“{keeper}”, the keeper of {domain}, is none of the people; allowed there: {allowed}; correct it."
            )
            parts.add(CONTRACT, where, message)
        elif person is not None and person.domain != domain:
            message = (
                f"“{keeper}”, the keeper of {domain}, is of the domain {person.domain}; "
                f"allowed are people of {domain} ({allowed}); name one."
            )
            parts.add(CONTRACT, where, message)


def _key_files(parts: Parts, contract: Contract) -> None:
    declared = (
        ("office", "key", contract.office.key),
        ("contractor", "evidence_key", contract.contractor.evidence_key),
        ("auditor", "evidence_key", contract.auditor.evidence_key),
    )
    holders: dict[str, str] = {}
    for person in (*contract.people, *contract.disclosers):
        for one in person.keys:
            with contextlib.suppress(InputError):  # it was named with the person
                holders[keys.public_key(parts.folder, one)] = f"“{person.name}”"
    for party, key, path in declared:
        where: Where = ("contract", party, key)
        try:
            found = keys.public_key(parts.folder, path)
        except InputError as error:
            parts.add(CONTRACT, where, error.message)
            continue
        if key == "evidence_key" and not found.startswith("ssh-ed25519 "):
            message = f"{path} is a key of {found.split()[0]}; evidence is signed with Ed25519 alone; give such a key."
            parts.add(CONTRACT, where, message)
        if (other := holders.setdefault(found, f"the {party}")) != f"the {party}":
            message = f"the {party}'s key is also a key of {other}; who judges, approves and acts differ; give another."
            parts.add(CONTRACT, where, message)


def _authority_files(parts: Parts) -> None:
    """Each domain's three authorities have a key of their own; a new site has none of them yet."""
    folder = parts.folder / "keys" / "ca"
    if not folder.is_dir():
        return
    owners: dict[bytes, str] = {}
    for name in (f"{domain}_{kind}" for domain in DOMAINS for kind in ("user.pub", "host.pub", "tls.pem")):
        domain = name.split("_")[0]
        where: Where = ("contract", "authorities", domain)
        try:
            key = _authority_key(parts.folder, f"keys/ca/{name}")
        except InputError as error:
            parts.add(CONTRACT, where, error.message)
            continue
        if (other := owners.setdefault(key, name)) != name:
            message = f"keys/ca/{name} holds the key of keys/ca/{other}; each authority has its own; restore the file."
            parts.add(CONTRACT, where, message)


def _authority_key(folder: Path, path: str) -> bytes:
    if path.endswith(".pub"):
        return keys.only_key(folder, path).split()[1].encode()
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        certificates = x509.load_pem_x509_certificates((folder / path).read_bytes())
        certificate = certificates[0]
        signs = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except FileNotFoundError as error:
        raise InputError(f"the certificate {path} does not exist; take it from the version history.") from error
    except (
        OSError,
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise InputError(f"{path} is no certificate of an authority; take it from the version history.") from error
    if not signs:
        raise InputError(f"{path} is no certificate of an authority (CA:FALSE); take it from the version history.")
    if len(certificates) > 1:
        raise InputError(f"{path} holds {len(certificates)} certificates; servers would trust each; allowed is one.")
    return public


def apply_exceptions(parts: Parts, exceptions: tuple[DeclaredException, ...]) -> None:
    """Apply the rules about exceptions."""
    seen: set[tuple[str, str]] = set()
    for index, exception in enumerate(exceptions):
        where: Where = ("exceptions", index)
        for number, name in enumerate(exception.hosts):
            at: Where = (*where, "hosts", number)
            if parts.hosts and name not in {*parts.hosts, *parts.declared.names, "site"}:
                message = f"“{name}” is no host of this site; there are {', '.join(parts.hosts)} and site; correct it."
                parts.add(EXCEPTIONS, at, message)
            if (exception.safeguard, name) in seen:
                message = f"{exception.safeguard} is waived for “{name}” a second time; once is allowed; remove one."
                parts.add(EXCEPTIONS, at, message)
            seen.add((exception.safeguard, name))
        if parts.contract and exception.until > parts.contract.end:
            message = (
                f"“until” {exception.until} is past the contract's end; "
                f"allowed is {parts.contract.end} or earlier; correct it."
            )
            parts.add(EXCEPTIONS, (*where, "until"), message)
