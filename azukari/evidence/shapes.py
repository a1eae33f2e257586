"""The shapes that evidence must have to be read: signed by whomever, it may have been made by anything."""

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from azukari.errors import SafeguardFails
from azukari.verify.results import Published


class EvidenceInvalid(SafeguardFails):
    """A folder of evidence does not say what was signed; names what differs."""


class _Digest(BaseModel):
    sha256: str


class _Resource(BaseModel):
    name: str
    digest: _Digest


class _Run(BaseModel):
    kind: str
    started: AwareDatetime
    ended: AwareDatetime
    hosts: list[str]
    vantages: list[str]
    judged_as: str
    host_identity: str | None
    nonce: str | None
    files: list[_Resource]


class _Predicate(BaseModel):
    result: str
    configuration: list[_Resource]
    passed: list[str] = Field(alias="passedTests")
    warned: list[str] = Field(alias="warnedTests")
    failed: list[str] = Field(alias="failedTests")
    azukari: _Run


class _Statement(BaseModel):
    subject: Annotated[list[_Resource], Field(min_length=1)]
    predicate: _Predicate


class _Section(BaseModel):
    ok: bool
    value: Any = None
    error: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if ("value" if self.ok else "error") not in self.model_fields_set:
            raise ValueError("neither a value nor an error")
        return self


class _Command(BaseModel):
    command: list[str]
    exit_code: int
    stdout: str | None = None
    stdout_base64: Base64Bytes = b""
    stderr: str | None = None
    stderr_base64: Base64Bytes = b""


class _Commands(_Section):
    value: list[_Command] = []


class _Reached(BaseModel):
    answers: list[tuple[str, str, int, str]]
    ports: dict[str, list[int]]
    sources: dict[str, str | None] = Field(alias="from")
    beside: list[str] = []


class _WasReached(_Section):
    value: _Reached | None = None


class _Facts(BaseModel):
    """The sections of one host; of all but these two the value is anything that a judge can be asked about."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Section] = Field(init=False)

    commands: _Commands | None = None
    reached: _WasReached | None = Field(None, alias="collected reached")


class _CheckContext(BaseModel):
    sentence: str = ""
    sections: list[str] = []
    collected: list[str] = []


class _Names(BaseModel):
    ja: str
    en: str


class _Approval(BaseModel):
    state: str
    changed: list[str]
    signer: str | None = None


class _Contract(BaseModel):
    office: _Names
    contractor: str


class _Host(BaseModel):
    name: str
    domain: str
    groups: list[str]
    address: str
    address6: str


class _Flow(BaseModel):
    source: str = Field(alias="from")
    to: str
    port: int
    protocol: str
    why: str


class _Item(BaseModel):
    name: str
    required: bool
    title: _Names
    purposes: list[str]


class _Retention(BaseModel):
    days: int | None = None
    until: str | None = None


class _Collection(BaseModel):
    name: str
    clause: str
    title: _Names
    items: list[_Item]
    store: str
    retention: _Retention
    readers: list[str]


class _Cookie(BaseModel):
    name: str
    purpose: str
    days: int
    title: _Names


class _Purpose(BaseModel):
    clause: str
    title: _Names


class _Policy(BaseModel):
    collections: list[_Collection]
    cookies: list[_Cookie]
    purposes: dict[str, _Purpose]


class _Site(BaseModel):
    title: _Names
    lab: bool
    time_zone: str
    approval: _Approval
    contract: _Contract
    hosts: list[_Host]
    flows: list[_Flow]
    exceptions: list[dict[str, Any]]
    # Evidence of before these were kept has none of the three.
    policy: _Policy | None = None
    forms: dict[str, str] = {}
    sealing_keys: dict[str, list[str]] = {}


class _Context(BaseModel):
    checks: dict[str, _CheckContext] = {}
    site: _Site | None = None


STATEMENT_SHAPE: TypeAdapter[Any] = TypeAdapter(_Statement)
RESULTS_SHAPE: TypeAdapter[Any] = TypeAdapter(Published)
FACTS_SHAPE: TypeAdapter[Any] = TypeAdapter(dict[str, _Facts])
ANY_SHAPE: TypeAdapter[Any] = TypeAdapter(dict[str, Any])
CONTEXT_SHAPE: TypeAdapter[Any] = TypeAdapter(_Context)


def read(shape: TypeAdapter[Any], data: bytes, file: Path) -> dict[str, Any]:
    """Return a document of evidence as it is written, if it has its shape.

    Args:
        shape: one of the above.
        data: JSON.
        file: where it was read.

    Raises:
        EvidenceInvalid: it is no JSON, or names the first place that is wrong.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceInvalid(f"{file} cannot be read: {error}.") from error
    try:
        shape.validate_json(data, strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the whole"
        raise EvidenceInvalid(f"{file} is not what azukari writes: {where} is wrong.") from error
    found: dict[str, Any] = document  # every shape is a mapping's
    return found
