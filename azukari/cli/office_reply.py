"""`azukari office reply`: one visitor's answer is opened in memory, and the reply to it goes to a mail program."""

import sys
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Annotated

import typer

from azukari.answers import files, memory, opening
from azukari.answers.files import Fault
from azukari.answers.opening import Answer
from azukari.cli.office_answers import (
    AnswersFile,
    SealingKeys,
    collection_of,
    keys_for,
    only,
    print_fault,
    stay_in_memory,
)
from azukari.cli.options import SiteOption, chosen_site
from azukari.errors import InputError, NotJudged

LONGEST = 1_000_000  # characters of a reply
PURPOSE = "reply"


def reply(
    file: AnswersFile,
    row: Annotated[str, typer.Option("--id", metavar="ID", help="The identifier of the answer.")],
    sender: Annotated[str, typer.Option("--from", metavar="ADDRESS", help="The office's address, as the sender.")],
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="TEXT", help="Default: Re: and the visitor's heading.")
    ] = None,
    site: SiteOption = None,
    key: SealingKeys = None,
) -> None:
    """Write a reply to a visitor, as a message for a mail program; its text is read from standard input.

    The message goes to a pipe, such as `| sendmail -t`, never into a file and not to a terminal.
    """
    if sys.stdout.isatty():
        raise InputError("Standard output is a terminal: give the message to a mail program by a pipe: | sendmail -t")
    memory.refuse_file(sys.stdout)
    stay_in_memory()
    loaded = chosen_site(site)
    _, collection = collection_of(loaded, file)
    keys = keys_for(loaded, file, collection, key)
    found = list(opening.answers(only(files.values(file), row), collection, keys))
    for fault in (one for one in found if isinstance(one, Fault)):
        print_fault(fault)
    answers = [one for one in found if isinstance(one, Answer)]
    if not answers:
        raise InputError(f"There is no answer {row} in {file} that could be opened.")
    names = [item.name for item in collection.items if PURPOSE in item.purposes]
    to = next((answers[0].items[name] for name in names if name in answers[0].items), "")
    if not to:
        raise NotJudged(f"Who wrote {row} gave no address for a reply.")
    heading = " ".join(answers[0].items.get("heading", "").split())  # whoever sealed it, it is one line
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender, "--from")
    message["To"] = _address(to, f"the visitor of {row}")
    message["Subject"] = f"Re: {heading}".strip() if subject is None else " ".join(subject.split())
    message.set_content(_text(), cte="base64")
    sys.stdout.buffer.write(message.as_bytes())
    sys.stdout.flush()


def _address(text: str, whose: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise InputError(f"{whose} gives no address such as somebody@example.jp; nothing was written.") from error


def _text() -> str:
    try:
        text = sys.stdin.buffer.read(4 * LONGEST + 1).decode()  # a character has four bytes at most
    except UnicodeDecodeError as error:
        raise InputError("The reply is not in UTF-8; convert it (iconv). Nothing was written.") from error
    if not text.strip():
        raise InputError("The reply is empty: its text is read from standard input; nothing was written.")
    if len(text) > LONGEST:
        raise InputError(f"The reply has more than {LONGEST} characters; nothing was written.")
    return text
