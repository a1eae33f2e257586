"""How an answer goes from a form's page to the program, and by what it is known; for the program and for drills."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping

from reference_site.forms import Tongue

FORM = "application/x-www-form-urlencoded"
TOKEN = "token"  # noqa: S105  a field's name
MAIL_SERVICE = "mail_service"
DELIVERY = "delivery"  # the purpose for which its addresses are kept; nothing else is kept of a registration
FINDING = "finding"  # that of an address in a question of the office's: no value that is kept is sealed for it
TONGUE = "tongue"  # sealed with an address: the language in which its owner registered
PATHS: Mapping[str, Mapping[Tongue, str]] = {
    "contact": {"ja": "/contact/", "en": "/en/contact/"},
    MAIL_SERVICE: {"ja": "/mail-service/", "en": "/en/mail-service/"},
}
# Below a form's page: the thanks, and of the E-mail Information Service what letters lead to.
RECEIVED, CONFIRM, UNSUBSCRIBE = "received/", "confirm/", "unsubscribe/"
LETTER = "letter"  # the parameter that a letter's links carry; queries, unlike paths, are in no log


def is_whole(letter: str) -> bool:
    """Tell whether a text can be a letter's secret: 256 bits, base64url. A link that was cut short carries none."""
    return re.fullmatch(r"[A-Za-z0-9_-]{43}", letter) is not None


def hashed(letter: str) -> str:
    """Return what the database knows of a letter's secret."""
    return hashlib.sha256(letter.encode()).hexdigest()


def identifier(token: str, answer: Mapping[str, str]) -> str:
    """Return the answer's identifier: the same only where the same answer is sent again from the same page.

    Who goes back, corrects the answer and sends it has sent another one. The token is not kept, so that the identifier
    does not tell the answer to who guesses it.

    Args:
        token: the page's.
        answer: what was accepted, by item.
    """
    text = json.dumps([token, sorted(answer.items())])
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16]))
