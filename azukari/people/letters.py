"""Letters to subscribers, as the office writes and signs them on its own machine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from azukari.errors import InputError
from azukari.site import Site, sshsig
from azukari.site.keys import public_key
from reference_site.letters_signed import NAMESPACE, Letter, NoLetter, to_file, verified, written


def read(path: Path) -> dict[str, Any]:
    """Return what somebody has written: YAML with `subject` and `text`, each in `ja` and `en`.

    Raises:
        InputError: the file cannot be read, or is none such.
    """
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not in UTF-8; convert it, for example with iconv.") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it is not whole"
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise InputError(f"{where}: is no YAML ({why}); a letter has subject and text, each in ja and en.") from error
    if not isinstance(given, dict):
        raise InputError(f"{path} is no letter; a letter has subject and text, each in ja and en.")
    return given


def sign(site: Site, given: dict[str, Any], approval_key: Path, only: tuple[str, ...] = ()) -> bytes:
    """Return the signed file of a letter.

    Args:
        site: the declared site.
        given: as `read` returns it.
        approval_key: the office's private approval key, or its public half when an ssh-agent holds the private one.
        only: the rows to which alone it goes.

    Raises:
        InputError: it is no letter, or the key is not the office's.
    """
    try:
        letter = written(site.name, datetime.now(UTC).isoformat(), given, only)
    except NoLetter as error:
        raise InputError(f"{error} Nothing was signed.") from error
    text = letter.to_bytes()
    signature = sshsig.sign(text, NAMESPACE, approval_key)
    if not sshsig.verifies(text, NAMESPACE, signature, public_key(site.path, site.contract.office.key)):
        raise InputError(
            f"The key {approval_key} is not the office's: the contract names {site.contract.office.key}; nothing was "
            "written."
        )
    return to_file(letter, signature)


def proven(site: Site, file: bytes) -> Letter:
    """Return the letter of a signed file.

    Raises:
        InputError: it is not the office's letter for this site.
    """
    try:
        return verified(file, site.name, public_key(site.path, site.contract.office.key))
    except NoLetter as error:
        raise InputError(f"{error} Nothing was sent.") from error
