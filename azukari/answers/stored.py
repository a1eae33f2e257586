"""Sealed values out of the site's database and back: by automation's own way, as the database's superuser on its host.

Both are one transaction. The values travel by standard input and output alone: never in a statement, which the database
would note in its record, and never in an argument, which everybody on the host can read.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import IO

from azukari.answers import files
from azukari.answers.files import Change, Header, Value
from azukari.errors import InputError, NotJudged, SafeguardFails
from azukari.people.sealing_keys import holder
from azukari.provision.release import forms
from azukari.provision.session import Session
from azukari.site import Site
from reference_site.answers import MAIL_SERVICE
from reference_site.sealing import LONGEST

_PSQL = "runuser -u postgres -- psql --no-psqlrc -qAt --set=ON_ERROR_STOP=1 --dbname="
# One JSON document a line. Control characters in JSON are always escaped, so that none is quoted or is a delimiter.
_AS_LINES = r"TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"
_MINUTES = 10

_ASK = """
SET client_min_messages = error;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = '{minutes}min';
COPY (SELECT json_build_object('answers', count(DISTINCT id), 'values', count(*)) FROM site.{form} {where}) {as_lines};
COPY (SELECT json_build_object('id', id, 'purpose', left(purpose, 100), 'received', to_char(received, 'YYYY-MM-DD'),
    'sealed', left(sealed, {longest})) FROM site.{form} {where} ORDER BY received, id, purpose) {as_lines};
COMMIT;
"""

# The values replace others only where those are still the same; id, purpose and day stay, and no row comes.
_BEFORE_VALUES = """
SET client_min_messages = error;
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = '{minutes}min';
CREATE TEMPORARY TABLE resealed (id uuid, purpose text, old text NOT NULL, sealed text NOT NULL,
    replaced boolean NOT NULL DEFAULT false, PRIMARY KEY (id, purpose)) ON COMMIT DROP;
COPY pg_temp.resealed (id, purpose, old, sealed) FROM STDIN;
"""
_AFTER_VALUES = """\\.
WITH done AS (
  UPDATE site.{form} AS kept SET sealed = anew.sealed FROM pg_temp.resealed AS anew
  WHERE kept.id = anew.id AND kept.purpose = anew.purpose
    AND encode(sha256(convert_to(kept.sealed, 'UTF8')), 'hex') = anew.old
  RETURNING kept.id, kept.purpose)
UPDATE pg_temp.resealed AS anew SET replaced = true FROM done WHERE done.id = anew.id AND done.purpose = anew.purpose;
COPY (SELECT json_build_object('what', CASE WHEN replaced THEN 'replaced' WHEN kept.id IS NULL THEN 'gone'
      WHEN kept.sealed = anew.sealed THEN 'there' ELSE 'different' END, 'id', id, 'purpose', purpose)
    FROM pg_temp.resealed AS anew LEFT JOIN site.{form} AS kept USING (id, purpose) ORDER BY id, purpose) {as_lines};
{end}
"""
_ALL_OR_NONE = """
SELECT coalesce(bool_and(replaced OR coalesce(kept.sealed = anew.sealed, false)), true) AS whole
  FROM pg_temp.resealed AS anew LEFT JOIN site.{form} AS kept USING (id, purpose) \\gset
\\if :whole
COMMIT;
\\else
ROLLBACK;
\\endif
"""

# Identifiers come in as rows, never in a statement, which pgaudit would note.
_BEFORE_ROWS = """
SET client_min_messages = error;
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = '{minutes}min';
CREATE TEMPORARY TABLE asked (id uuid PRIMARY KEY) ON COMMIT DROP;
COPY pg_temp.asked (id) FROM STDIN;
"""
_FETCH = """\\.
COPY (SELECT json_build_object('id', id, 'purpose', left(purpose, 100), 'received', to_char(received, 'YYYY-MM-DD'),
    'sealed', left(sealed, {longest})) FROM site.{form} JOIN pg_temp.asked USING (id) ORDER BY received, id, purpose)
    {as_lines};
COMMIT;
"""
_DELETE = """\\.
CREATE TEMPORARY TABLE gone (id uuid, purpose text, sealed text, earlier uuid[]) ON COMMIT DROP;
WITH done AS (DELETE FROM site.{form} AS kept USING pg_temp.asked WHERE kept.id = asked.id RETURNING kept.*)
INSERT INTO pg_temp.gone SELECT id, purpose, sealed, {earlier} FROM done;
INSERT INTO site.spent (digest, day) SELECT DISTINCT encode(sha256(uuid_send(one)), 'hex'), CURRENT_DATE
  FROM pg_temp.gone, unnest(id || earlier) AS one ON CONFLICT DO NOTHING;
{remembered}
COPY (SELECT json_build_object('id', id, 'purpose', purpose, 'sealed', left(sealed, {longest})) FROM pg_temp.gone
    ORDER BY id, purpose) {as_lines};
COMMIT;
"""
# Of a person who registered more than once: the registrations of before wait for the ledger, as when one unsubscribes.
_REMEMBERED = """
INSERT INTO site.erased (id, erased) SELECT DISTINCT one, CURRENT_DATE FROM pg_temp.gone, unnest(earlier) AS one
  ON CONFLICT DO NOTHING;
"""
_NO_LETTERS = {"earlier": "NULL", "remembered": ""}
_LEFT = "COPY (SELECT id FROM site.erased ORDER BY id) {as_lines};\n"
# What a DELETE leaves on the disk until it is written over: dead rows and emptied pages (a plain VACUUM clears none),
# what ANALYZE sampled, and the log of writes, of which a segment goes at the checkpoint after its end (no recycling).
# Connections that wait hold removed files open: they are ended, and the website opens another with its next answer.
_SCRUB = """
SET client_min_messages = error;
SET statement_timeout = '{minutes}min';
SET allow_system_table_mods = on;
DELETE FROM pg_catalog.pg_statistic WHERE starelid = ANY ('{{{tables}}}'::pg_catalog.regclass[]);
RESET allow_system_table_mods;
VACUUM FULL {tables};
VACUUM FULL pg_catalog.pg_statistic;
CHECKPOINT;
COPY (SELECT pg_catalog.pg_switch_wal() IS NULL AS nothing) {as_lines};
CHECKPOINT;
COPY (SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid)) IS NULL AS nothing FROM pg_catalog.pg_stat_activity
  WHERE state = 'idle' AND pid <> pg_catalog.pg_backend_pid()) {as_lines};
"""


@dataclass
class Outcome:
    """What came of putting values back.

    Attributes:
        replaced: how many values were.
        gone: how many had been deleted meanwhile, and stay so.
        there: how many were the new ones already.
        different: (id, purpose) of those that are neither the old nor the new ones; they were left.
    """

    replaced: int
    gone: int
    there: int
    different: list[tuple[str, str]]


def database_host(site: Site, form: str) -> str:
    """Return the host that keeps a form's answers.

    Raises:
        InputError: the site has no such form, or there is no host of the group db.
    """
    if form not in forms(site):
        known = ", ".join(forms(site)) or "none"
        raise InputError(f"The site {site.name} has no form “{form}”; those that it has: {known}.")
    hosts = site.group("db")
    if not hosts:
        raise InputError(f"The site {site.name} has no host of the group db, so that no answers are kept.")
    return hosts[0].name


def must_be_the_offices(site: Site, form: str) -> None:
    """Refuse a form whose answers are sealed for somebody else than the office.

    Raises:
        InputError: it is one.
    """
    if form in forms(site) and holder(site, form) != "office":
        raise InputError(f"What is kept of {form} is not sealed for the office, so it is not fetched for anybody.")


def psql(at: Session, host: str, database: str = "site") -> list[str]:
    """Return the command that runs what it is given in the site's database, or another there, as its superuser."""
    return ["ssh", "-F", str(at.ssh_config), host, f"sudo -n {_PSQL}{database}"]


def export(command: Sequence[str], site: Site, form: str, out: Path, since: date | None = None) -> Header:
    """Write all sealed values of a form to a new file.

    Args:
        command: as `psql` returns it.
        site: the declared site.
        form: one of its forms.
        out: the file; one that is there already stays.
        since: the first day received; default: all.

    Returns:
        What the file says of itself.

    Raises:
        InputError: there is such a file, or no such folder.
        NotJudged: the database did not answer, or not whole; nothing was written.
        SafeguardFails: something is kept that has not the form of a sealed value; nothing was written.
    """
    files.must_be_new(out)
    where = f"WHERE received >= DATE '{since.isoformat()}'" if since else ""
    asked = _ASK.format(form=form, where=where, as_lines=_AS_LINES, longest=LONGEST + 1, minutes=_MINUTES)
    with running(command) as (given, said):
        given.write(asked)
        given.close()
        try:
            counts = json.loads(next(said))
        except StopIteration:
            raise NotJudged("The database said nothing of what it keeps.") from None
        made = datetime.now(UTC).isoformat(timespec="seconds")
        began = since.isoformat() if since else None
        header = Header("answers", site.name, form, made, began, None, counts["answers"], counts["values"])
        files.write_new(out, chain([files.header_line(header)], _sealed_lines(said, form, counts["values"])))
    return header


def _sealed_lines(said: Iterator[str], form: str, promised: int) -> Iterator[str]:
    count = 0
    for line in said:
        count += 1
        yield files.value_line(_value(line, form))
    if count != promised:
        raise NotJudged(f"The database promised {promised} values and gave {count}; no file was written.")


def _value(line: str, form: str) -> Value:
    try:
        return files.value(line)
    except ValueError as error:
        raise SafeguardFails(
            f"The database keeps something in site.{form} that is no sealed value ({error}): it was not fetched, "
            "and no file was written. `azukari verify` says more (LEAK-20, LEAK-22)."
        ) from None


def put(command: Sequence[str], form: str, changes: Iterable[Change], *, whole: bool = False) -> Outcome:
    """Put values that were sealed anew in the place of those that they replace, in one transaction.

    Args:
        command: as `psql` returns it.
        form: one of the site's forms.
        changes: judged already (`resealing.judged`); where they raise, nothing is changed.
        whole: all of them or none: nothing is changed where one of them is gone or different.

    Raises:
        NotJudged: the database gave no whole answer; done again, what was replaced already counts as there.
    """
    outcome = Outcome(0, 0, 0, [])
    with running(command) as (given, said):
        given.write(_BEFORE_VALUES.format(minutes=_MINUTES))
        for one in changes:
            given.write(f"{one.row}\t{one.purpose}\t{one.old}\t{one.sealed}\n")
        given.write(
            _AFTER_VALUES.format(
                form=form, as_lines=_AS_LINES, end=_ALL_OR_NONE.format(form=form) if whole else "COMMIT;"
            )
        )
        given.close()
        for line in said:
            found = json.loads(line)
            if found["what"] == "different":
                outcome.different.append((found["id"], found["purpose"]))
            else:
                setattr(outcome, found["what"], getattr(outcome, found["what"]) + 1)
    return outcome


def fetch(command: Sequence[str], site: Site, form: str, rows: Iterable[str], out: Path) -> Header:
    """Write all sealed values of some answers to a new file of answers; arguments and errors as of `export`."""
    files.must_be_new(out)
    with running(command) as (given, said):
        _give(given, rows)
        given.write(_FETCH.format(form=form, as_lines=_AS_LINES, longest=LONGEST + 1))
        given.close()
        lines = [files.value_line(_value(line, form)) for line in said]
    answers = len({files.value(line).row for line in lines})
    made = datetime.now(UTC).isoformat(timespec="seconds")
    header = Header("answers", site.name, form, made, answers=answers, values=len(lines))
    files.write_new(out, chain([files.header_line(header)], lines))
    return header


def erase(command: Sequence[str], form: str, rows: Iterable[str]) -> list[tuple[str, str, str]]:
    """Delete answers in one transaction, and have what a DELETE leaves behind written over or removed.

    Args:
        command: as `psql` returns it.
        form: one of the site's forms.
        rows: the answers' identifiers; those that are not there are passed over.

    Returns:
        Identifier, purpose and sealed value of what was deleted.

    Raises:
        NotJudged: the database gave no whole answer; done again, it deletes what is left.
    """
    with running(command) as (given, said):
        _give(given, rows)
        about_form = {"earlier": "earlier", "remembered": _REMEMBERED} if form == MAIL_SERVICE else _NO_LETTERS
        given.write(_DELETE.format(form=form, as_lines=_AS_LINES, longest=LONGEST, **about_form))
        given.close()
        found = [(one["id"], one["purpose"], one["sealed"]) for one in map(json.loads, said)]
    tables = ", ".join(f"site.{name}" for name in ((form, "erased") if form == MAIL_SERVICE else (form,)))
    with running(command) as (given, said):
        given.write(_SCRUB.format(tables=tables, as_lines=_AS_LINES, minutes=_MINUTES))
        given.close()
        list(said)
    return found


def unsubscribed(command: Sequence[str]) -> list[str]:
    """Return the identifiers of those who unsubscribed, which wait for the erasure ledger.

    Raises:
        NotJudged: the database gave no whole answer.
    """
    with running(command) as (given, said):
        given.write(_LEFT.format(as_lines=_AS_LINES))
        given.close()
        return list(said)


def entered(command: Sequence[str], rows: Iterable[str]) -> None:
    """Take identifiers off those that wait for the erasure ledger, which has them now.

    Raises:
        NotJudged: the database gave no whole answer; they wait on.
    """
    about(command, rows, "DELETE FROM site.erased AS kept USING pg_temp.asked WHERE kept.id = asked.id;")


def about(command: Sequence[str], rows: Iterable[str], statements: str) -> list[str]:
    """Run statements about answers, in one transaction, and return their lines.

    Args:
        command: as `psql` returns it.
        rows: the answers' identifiers, which the statements find in pg_temp.asked (id): in them they would be noted.
        statements: each ends with a semicolon.

    Raises:
        NotJudged: the database gave no whole answer; nothing was changed.
    """
    with running(command) as (given, said):
        _give(given, rows)
        given.write(f"\\.\n{statements}\nCOMMIT;\n")
        given.close()
        return list(said)


def _give(given: IO[str], rows: Iterable[str]) -> None:
    given.write(_BEFORE_ROWS.format(minutes=_MINUTES))
    for row in rows:
        given.write(f"{row}\n")


@contextmanager
def running(command: Sequence[str]) -> Iterator[tuple[IO[str], Iterator[str]]]:
    """Run psql; give its standard input, and its lines, which end with an error where psql does.

    Whoever leaves early has it ended before it was told to commit.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", errors="replace"
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101  for mypy: both were asked for
        assert process.stdout is not None  # noqa: S101  the same
        try:
            yield process.stdin, _said(process.stdout, process, errors)
        except BrokenPipeError:  # it ended before it had read all
            raise _failed(process, errors) from None
        finally:
            process.kill()
            with suppress(OSError):  # what it was not told any more
                process.stdin.close()


def _said(output: IO[str], process: subprocess.Popen[str], errors: IO[bytes]) -> Iterator[str]:
    for line in output:
        yield line.rstrip("\n")
    if process.wait():
        raise _failed(process, errors)


def _failed(process: subprocess.Popen[str], errors: IO[bytes]) -> NotJudged:
    process.kill()
    process.wait()
    errors.seek(0)
    said = errors.read().decode("utf-8", "replace").strip()[-500:]
    return NotJudged(f"The database gave no whole answer: {said or f'psql ended with {process.returncode}'}")
