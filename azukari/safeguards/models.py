"""The catalogue's models; unknown keys are refused, as everywhere."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Family = Literal["leakage", "loss", "destruction", "use", "contract"]
Kind = Literal["technical", "procedure"]
Proof = Literal["ask", "attempt", "drill"]
Status = Literal["in force", "planned"]

PREFIXES: dict[Family, str] = {
    "leakage": "LEAK",
    "loss": "LOSS",
    "destruction": "DEST",
    "use": "USE",
    "contract": "CONT",
}

Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]

# A folded YAML line leaves a space where Japanese has none.
_CJK = "\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_CJK_SPACE = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Model):
    """One sentence in Japanese and in English."""

    ja: Sentence
    en: Sentence

    @model_validator(mode="before")
    @classmethod
    def _join_folded_japanese(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("ja"), str):
            return {**value, "ja": _CJK_SPACE.sub("", value["ja"])}
        return value


class Citation(_Model):
    """A clause of a framework that a safeguard answers.

    `sure` is false where the number comes from general knowledge and the reader is asked to confirm it.
    """

    framework: str
    clause: str
    text: Text
    sure: bool


class Safeguard(_Model):
    """One promise, and what carries it.

    `check` is the file of its check, below the checkout (`checks/test_ssh.py`); `also` names further roles that serve
    it, whose first is `role`; `breaches` are found below tests/breaches and not written in the catalogue.
    """

    id: Annotated[str, StringConstraints(pattern=r"^(LEAK|LOSS|DEST|USE|CONT)-\d\d$")]
    title: Text
    family: Family
    kind: Kind = "technical"
    proof: Annotated[tuple[Proof, ...], Field(min_length=1)]
    status: Status
    reason: Text | None = None
    role: RoleName | None = None
    also: tuple[RoleName, ...] = ()
    check: Annotated[str, StringConstraints(pattern=r"^checks/test_[a-z_]+\.py$")] | None = None
    command: Sentence | None = None
    breaches: tuple[str, ...] = ()
    clauses: dict[str, tuple[str, ...]]
    why: Text
    what_to_do: Text

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.id.startswith(PREFIXES[self.family] + "-"):
            raise ValueError(f"{self.id} does not belong to the family “{self.family}”")
        if self.status == "planned" and self.reason is None:
            raise ValueError(f"{self.id} is planned and gives no reason")
        if self.status == "in force" and self.reason is not None:
            raise ValueError(f"{self.id} is in force and still gives a reason why not")
        if self.kind == "technical" and self.check is None:
            raise ValueError(f"{self.id} is technical and names no check")
        if self.kind == "procedure" and self.command is None:
            raise ValueError(f"{self.id} is a procedure and names no command")
        if not self.clauses.get("policy"):
            raise ValueError(f"{self.id} answers no clause of the privacy policy")
        return self


class Clause(_Model):
    """What a clause is about."""

    ja: Sentence
    en: Sentence
    sure: bool


class Framework(_Model):
    """A law, guideline or standard, with the clauses that may be cited."""

    title: Text
    clauses: dict[str, Clause]


class Subject(_Model):
    """Where NIST SP 800-53 r5, ISO/IEC 27001:2022 Annex A and CIS Controls v8 treat a subject.

    A `*` behind a number: from general knowledge, to be confirmed by the reader.
    """

    nist: tuple[str, ...]
    iso: tuple[str, ...]
    cis: tuple[str, ...]


class Clauses(_Model):
    """clauses.yml: all that safeguards may cite."""

    frameworks: dict[str, Framework]
    mapping: dict[str, Subject]
