"""The messages that the mail tier sends: plain text, in the reader's language, to one reader each.

They are written here line by line: no header but `To` holds anything that a visitor gave, and that is an address by the
form's own rule. The text is base64, so that no server on the way has a reason to change what was signed.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.utils import formatdate
from urllib.parse import urlencode

from reference_site.answers import CONFIRM, LETTER, MAIL_SERVICE, PATHS, UNSUBSCRIBE
from reference_site.forms import Tongue
from reference_site.letters_opened import Reader
from reference_site.letters_signed import Letter

END = "\r\n"
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058, 3.1
_LINE = 57  # bytes in a line of 76 characters of base64; RFC 2045, 6.8
_SUBJECT: Mapping[Tongue, str] = {
    "ja": "メールマガジンの登録のご確認（{title}）",
    "en": "Please confirm your registration ({title})",
}
_CONFIRM: Mapping[Tongue, str] = {
    "ja": """{title}のメールマガジンに、このメールアドレスの登録の申込みがありました。
次のページを24時間以内に開き、登録を完了してください。

{link}

お心当たりのない場合は、このメールを破棄してください。登録は行われず、メールアドレスは消去します。
""",
    "en": """Somebody has asked to register this address for the E-mail Information Service of {title}.
Please open the following page within 24 hours to complete the registration.

{link}

If it was not you, just ignore this message: nothing more is sent, and the address is erased.
""",
}
_FOOT: Mapping[Tongue, str] = {
    "ja": "--\n{office}\n配信の停止（登録内容は消去します）:\n{link}\n",
    "en": "--\n{office}\nTo unsubscribe (what you registered is erased):\n{link}\n",
}


@dataclass(frozen=True)
class Sender:
    """From whom messages are.

    Attributes:
        name: the public name of the website, to which links lead.
        domain: the mail domain.
        title, office: the site's title and the office's name, by language.
    """

    name: str
    domain: str
    title: Mapping[Tongue, str]
    office: Mapping[Tongue, str]

    @property
    def envelope(self) -> str:
        """To whom a message comes back."""
        return f"bounces@{self.domain}"

    def asks(self, reader: Reader, confirm: str, leave: str, number: str) -> bytes:
        """Return the message that asks a reader to confirm a registration.

        Args:
            reader: to whom it goes.
            confirm: the secret by which the registration is confirmed.
            leave: the secret by which whoever did not register has it erased at once.
            number: what the message is known by.
        """
        tongue = reader.tongue
        text = _CONFIRM[tongue].format(title=self.title[tongue], link=self._link(tongue, CONFIRM, confirm))
        subject = _SUBJECT[tongue].format(title=self.title[tongue])
        more = [("Auto-Submitted", "auto-generated")]  # RFC 3834, 5
        return self._message(reader, subject, text, leave, number, more)

    def carries(self, letter: Letter, reader: Reader, leave: str, number: str) -> bytes:
        """Return a letter's message to one subscriber.

        Args:
            letter: the letter.
            reader: to whom it goes.
            leave: the secret by which the subscriber leaves the list.
            number: what the message is known by.
        """
        tongue = reader.tongue
        return self._message(reader, letter.subject[tongue], f"{letter.text[tongue].rstrip()}\n", leave, number, [])

    def _link(self, tongue: Tongue, at: str, secret: str) -> str:
        return f"https://{self.name}{PATHS[MAIL_SERVICE][tongue]}{at}?{urlencode({LETTER: secret})}"

    def _message(
        self, reader: Reader, subject: str, text: str, leave: str, number: str, more: list[tuple[str, str]]
    ) -> bytes:
        out = self._link(reader.tongue, UNSUBSCRIBE, leave)
        foot = _FOOT[reader.tongue].format(office=self.office[reader.tongue], link=out)
        headers = [
            ("From", f"mail-service@{self.domain}"),
            ("To", reader.address),
            ("Subject", Header(subject, "utf-8", header_name="Subject").encode(linesep=END)),
            ("Date", formatdate()),
            ("Message-ID", f"<{number}@{self.domain}>"),
            *more,
            ("List-Id", f"<mail-service.{self.domain}>"),
            ("List-Unsubscribe", f"<{out}>"),
            ("List-Unsubscribe-Post", ONE_CLICK),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "base64"),
        ]
        body = f"{text}\n{foot}".replace("\n", END).encode()
        lines = [base64.b64encode(body[at : at + _LINE]).decode() for at in range(0, len(body), _LINE)]
        return END.join([*(f"{name}: {value}" for name, value in headers), "", *lines, ""]).encode("ascii")
