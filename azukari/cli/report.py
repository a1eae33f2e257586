"""`azukari report`: evidence for people."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from azukari import report, safeguards
from azukari.cli.console import new_console
from azukari.cli.evidence import chosen_evidence, own_key
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError
from azukari.evidence.signer import public_key


class Language(StrEnum):
    """The two languages of the report."""

    ja = "ja"
    en = "en"


def command(
    which: Annotated[
        str, typer.Argument(metavar="[EVIDENCE]", help="A folder of evidence, or the name of one; default: the newest.")
    ] = "",
    site: SiteOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where it goes; default: out/SITE-report.html."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="The signer's public key; default: those that the site declares."),
    ] = None,
    language: Annotated[Language, typer.Option("--language", help="Shown first; the page has a switch.")] = Language.en,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="Choose among the evidence of lone hosts (`verify --host`).")
    ] = False,
) -> None:
    """Write a run's evidence as one HTML file, in Japanese and English, that needs no network."""
    if output == Path("-"):
        raise InputError("A report is a file, and cannot go to “-”; name the file: --output report.html")
    evidence = chosen_evidence(which, site, hosts=hosts)
    if evidence.kind != "verify":
        raise InputError(f"{evidence.name} is a {evidence.kind}; a report is drawn from a run of `azukari verify`.")
    lone = evidence.context.get("site") is None
    declared = None if lone or key is not None else chosen_site(site)
    signed_by = public_key(key) if key is not None else own_key() if lone else None
    to = output or Path("out") / f"{evidence.subject.rpartition('@')[2]}-report.html"
    report.write(evidence, declared, safeguards.load(), to, key=signed_by, language=language.value)
    new_console().print(f"Report: {to}", soft_wrap=True)
