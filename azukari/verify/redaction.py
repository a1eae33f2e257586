"""Takes out of facts what must not lie in evidence, before anything is signed.

Evidence goes to the office and stays for years; a secret, a password's hash or a person's address has no place there,
whatever a server answered. What was taken out is marked, so that nobody takes the gap for an answer.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\Z)", re.DOTALL
)
_HASH = re.compile(
    r"\$(?:y|gy|7|6|5|2[abxy]?|1|argon2(?:id?|d)|pbkdf2[a-z0-9-]*)\$[^\s:\"']+"
    r"|SCRAM-SHA-256\$[^\s\"']+|\bmd5[0-9a-f]{32}\b"
)
_IN_URL = re.compile(r"(?<=://)([^\s/:@]+):([^\s/@]+)(?=@)")
_NAMED = re.compile(
    r"(?P<name>\b[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|credential)[\w.-]*[\"']?\s*(?:=|:\s)\s*[\"']?)"
    r"(?P<value>[^\s\"',;]+)",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"(?P<name>--(?:password|passwd|pass|passphrase|secret|token|api-key)(?:=|\s+))(?P<value>\S+)", re.IGNORECASE
)
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# The names of algorithms and of units look like addresses, and are what LEAK-11 and LEAK-29 judge.
_NO_PERSON = re.compile(
    r"@(?:openssh\.com|libssh\.org|ssh\.com|lysator\.liu\.se|[\w-]+\.(?:service|socket|timer|slice|mount|scope|path))$"
)
# A bare word behind these names is a state or a setting, not a secret.
_SETTINGS = {"yes", "no", "none", "true", "false", "required", "requisite", "sufficient", "optional"}
_STATES = {"empty", "none", "locked", "yescrypt", "scrypt", "gost-yescrypt", "sha512", "sha256", "bcrypt", "md5", "des"}
_SECRET_KEYS = re.compile(r"^(?:password|passwd|passphrase|secret|token|api_?key|private_?key)$", re.IGNORECASE)


def redact(value: Any, public: frozenset[str] = frozenset()) -> Any:
    """Return JSON-able data without secrets, password hashes, private keys and addresses of persons.

    Args:
        value: facts, commands' answers, messages: mappings, lists and plain values.
        public: addresses that the site publishes itself; what is judged of them must be judged again as it was.
    """
    if isinstance(value, str):
        return redact_text(value, public)
    if isinstance(value, Mapping):
        return {redact_text(str(key), public): _redact_entry(str(key), one, public) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(one, public) for one in value]
    return value


@lru_cache(maxsize=1 << 14)
def redact_text(text: str, public: frozenset[str] = frozenset()) -> str:
    """Return a text without what evidence must not hold; most of a run's texts come again and again."""
    if len(text) < 4:
        return text
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub("«private key»", text)
    if "$" in text or "md5" in text:
        text = _HASH.sub("«password hash»", text)
    if "://" in text:
        text = _IN_URL.sub(r"\1:«secret»", text)
    text = _NAMED.sub(_without_value, text)
    if "--" in text:
        text = _OPTION.sub(_without_value, text)
    if "@" in text:
        text = _ADDRESS.sub(
            lambda found: found[0] if found[0] in public or _NO_PERSON.search(found[0]) else "«address»", text
        )
    return text


def _without_value(found: re.Match[str]) -> str:
    tag_of_sudoers = found["name"].startswith("NOPASSWD")  # what follows is a command, sudoers(5)
    kept = tag_of_sudoers or found["value"].lower() in _SETTINGS or found["value"].startswith(("«", "/", "$", "%"))
    return found[0] if kept else f"{found['name']}«secret»"


def _redact_entry(key: str, value: Any, public: frozenset[str]) -> Any:
    if _SECRET_KEYS.match(key) and isinstance(value, str) and value and value not in _STATES | _SETTINGS:
        return "«secret»"
    return redact(value, public)
