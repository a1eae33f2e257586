"""Answers into the database: sealed here, one value for a purpose, so that no plain one is kept.

What was chosen of offered choices goes along for the statistics: the database counts it, and does not keep it with the
answer.
"""

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from reference_site.answers import DELIVERY, MAIL_SERVICE, TONGUE, hashed
from reference_site.forms import Form, Tongue
from reference_site.recipients import Holder, NoRecipient, recipient
from reference_site.sealing import Place, Recipient, seal_all
from reference_site.web import Erased, Unavailable

KEEP = "SELECT site.keep(%s, %s, %s, %s)"
CONFIRM, UNSUBSCRIBE = "SELECT site.confirm(%s)", "SELECT site.unsubscribe(%s)"
_LOG = logging.getLogger(__name__)
_Connection = psycopg.Connection[Any]
_Parameters = tuple[str, uuid.UUID, Jsonb, Jsonb] | tuple[str]


class DailyKeys:
    """The keys of the office's statements, looked at once a day: each look starts ssh-keygen.

    A statement that is replaced holds from the next day, or from the service's next start.

    Args:
        folder: holds the statements.
        site: the site's name.
        holders: who opens what, by form.
        office_key: the office's approval key, “TYPE BASE64”.
        today: tells the date in the site's time zone.
    """

    def __init__(
        self, folder: Path, site: str, holders: Mapping[str, Holder], office_key: str, today: Callable[[], date]
    ) -> None:
        self._folder, self._site, self._holders, self._office_key = folder, site, holders, office_key
        self._today = today
        self._found: dict[str, tuple[date, Recipient]] = {}
        self._looking = threading.Lock()

    def recipient(self, form: str) -> Recipient:
        """Return for whom a form's values are sealed today.

        Raises:
            NoRecipient: there is none.
        """
        with self._looking:
            today = self._today()
            found = self._found.get(form)
            if found is None or found[0] != today:
                stated = recipient(self._folder, self._site, form, self._holders[form], self._office_key, today)
                found = self._found[form] = today, Recipient(stated.key)
            return found[1]


class _Own(threading.local):
    """What a thread has for itself."""

    connection: _Connection | None = None


class SealedIntake:
    """Keeps answers in PostgreSQL; a `web.Intake`.

    Args:
        forms: by name.
        keys: for whom values are sealed.
        connect: opens a connection to the database, or raises psycopg.Error; called in the thread that uses it.

    Raises:
        ValueError: a field has no purpose, so that what is given in it would not be kept.
    """

    def __init__(self, forms: Mapping[str, Form], keys: DailyKeys, connect: Callable[[], _Connection]) -> None:
        for form in forms.values():
            for field in form.fields:
                if not field.purposes:
                    raise ValueError(f"{form.name}/{field.name} is kept for no purpose; the policy must declare one.")
        self._forms, self._keys, self._connect = forms, keys, connect
        self._own = _Own()

    def keep(self, form: str, row: str, answer: Mapping[str, str], tongue: Tongue) -> None:
        """Seal and keep an answer; when this returns, the database has committed it.

        Args:
            form: the form's name.
            row: the answer's identifier, a UUID; the database keeps one once.
            answer: what was given, by item.
            tongue: the language of its page; kept with an address alone, for the letters to it.

        Raises:
            Unavailable: it is not known to be kept; the log says why, and nothing of the answer.
            Erased: what was kept under this identifier has been erased meanwhile.
        """
        try:
            reader = self._keys.recipient(form)
        except NoRecipient as error:
            _LOG.error("%s", error)
            raise Unavailable from None
        given = _by_purpose(self._forms[form], answer, tongue)
        values = seal_all({Place(form, row, purpose): plain for purpose, plain in given.items()}, reader)
        sealed = {place.purpose: value for place, value in values.items()}
        chosen = {
            field.name: answer[field.name]
            for field in self._forms[form].fields
            if field.choices and field.name in answer
        }
        asked = form, uuid.UUID(row), Jsonb(sealed), Jsonb(chosen)
        if self._asked("An answer was not kept", KEEP, asked) is None:
            raise Erased

    def confirm(self, letter: str) -> bool:
        """Complete a registration; tell whether it is complete now.

        Args:
            letter: the secret that went to the address; the database knows its hash alone.

        Raises:
            Unavailable: it is not known to be completed.
        """
        return bool(self._asked("A registration was not confirmed", CONFIRM, (hashed(letter),)))

    def unsubscribe(self, letter: str) -> None:
        """Erase all that is kept of a subscriber, if there is one.

        Args:
            letter: the secret that goes with each letter to the address.

        Raises:
            Unavailable: it is not known to be erased.
        """
        self._asked("A registration was not erased", UNSUBSCRIBE, (hashed(letter),))

    def _asked(self, otherwise: str, query: str, parameters: _Parameters) -> Any:
        """Return what a function of the database says, once it is committed.

        Raises:
            Unavailable: that is not known; the log says `otherwise`.
        """
        try:
            return self._put(query, parameters)
        except psycopg.Error as error:
            # Neither its text nor what follows from it: PostgreSQL's messages repeat values.
            _LOG.error("%s: %s, SQLSTATE %s.", otherwise, type(error).__name__, error.sqlstate)
            raise Unavailable from None

    def _put(self, query: str, parameters: _Parameters) -> Any:
        """Call the database, and once more where the thread's kept connection had broken meanwhile."""
        kept = self._own.connection
        if kept is not None:
            try:
                return self._put_by(kept, query, parameters)
            except psycopg.errors.QueryCanceled:  # it is there, and slow: the visitor has waited long enough
                raise
            except psycopg.OperationalError:
                pass
        return self._put_by(self._connect(), query, parameters)

    def _put_by(self, connection: _Connection, query: str, parameters: _Parameters) -> Any:
        self._own.connection = None
        try:
            said = connection.execute(query, parameters).fetchone()
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._own.connection = connection
        return said[0] if said else None


def _by_purpose(form: Form, answer: Mapping[str, str], tongue: Tongue) -> dict[str, bytes]:
    """Return what is sealed for each purpose: the items that were given and may be opened for it.

    Of a registration for the E-mail Information Service, the address alone is kept, and the language of its letters.
    """
    given: dict[str, dict[str, str]] = {}
    for field in form.fields:
        for purpose in field.purposes:
            given.setdefault(purpose, {})
            if field.name in answer:
                given[purpose][field.name] = answer[field.name]
    if form.name == MAIL_SERVICE:
        given = {DELIVERY: given.get(DELIVERY, {}) | {TONGUE: tongue}}
    return {
        purpose: json.dumps(items, ensure_ascii=False, sort_keys=True).encode()
        for purpose, items in given.items()
        if items
    }
