"""What drills do to counts of choices: published numbers are of persons (USE-08), and no drill adds or loses one.

By automation's own way, as the database's superuser on its host; what waits is added up before it is looked at, so that
nobody sees with which answer a choice came.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from azukari.answers.stored import running

_BEGIN = """
SET client_min_messages = error;
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
"""
_BEFORE_CHOICES = f"""{_BEGIN}
CREATE TEMPORARY TABLE chosen (item text NOT NULL, choice text NOT NULL) ON COMMIT DROP;
COPY pg_temp.chosen (item, choice) FROM STDIN;
"""
# A negative number that waits beside the others: each night they are added up.
_UNCOUNT = """\\.
INSERT INTO site.tally (form, item, choice, answers)
  SELECT '{form}', item, choice, -count(*) FROM pg_temp.chosen GROUP BY item, choice;
COMMIT;
"""
_WAITING = (
    _BEGIN
    + """
SELECT site.fold() \\g /dev/null
SELECT json_build_object('of', min(xmin::text), 'rows',
  coalesce(json_agg(json_build_array(form, item, choice, answers)), '[]')) FROM site.tally;
COMMIT;
"""
)
# A crash empties what waits (decision 0023). Where it did not, the rows of that one moment are there still.
_PUT_BACK = """
INSERT INTO site.tally (form, item, choice, answers) SELECT form, item, choice, answers FROM pg_temp.waited
  WHERE NOT EXISTS (SELECT FROM site.tally WHERE xmin::text = '{of}');
COMMIT;
"""
_BEFORE_WAITED = f"""{_BEGIN}
CREATE TEMPORARY TABLE waited (form text, item text, choice text, answers bigint) ON COMMIT DROP;
COPY pg_temp.waited FROM STDIN;
"""


@dataclass(frozen=True)
class Waiting:
    """What waits to be counted.

    Attributes:
        of: the transaction that wrote all of it.
        rows: form, item, choice, number.
    """

    of: str
    rows: list[list[Any]]


def uncount(command: Sequence[str], form: str, chosen: Iterable[tuple[str, str]]) -> None:
    """Take a drill's own choices off what waits to be counted.

    Args:
        command: as `stored.psql` returns it.
        form: one of the site's forms.
        chosen: item and choice, once for each answer that was kept.

    Raises:
        NotJudged: the database gave no whole answer; they are counted on.
    """
    with running(command) as (given, said):
        given.write(_BEFORE_CHOICES)
        for item, choice in chosen:
            given.write(f"{item}\t{choice}\n")
        given.write(_UNCOUNT.format(form=form))
        given.close()
        list(said)


def waiting(command: Sequence[str]) -> Waiting:
    """Return what waits to be counted, added up, before a drill has the database crash.

    Raises:
        NotJudged: the database gave no whole answer.
    """
    with running(command) as (given, said):
        given.write(_WAITING)
        given.close()
        [line] = said
    found = json.loads(line)
    return Waiting(found["of"] or "", found["rows"])


def put_back(command: Sequence[str], found: Waiting) -> None:
    """Put back what waited, where the crash has emptied it.

    Raises:
        NotJudged: the database gave no whole answer.
    """
    if not found.rows:
        return
    with running(command) as (given, said):
        given.write(_BEFORE_WAITED)
        for row in found.rows:
            given.write("\t".join(map(str, row)) + "\n")
        given.write("\\.\n" + _PUT_BACK.format(of=found.of))
        given.close()
        list(said)
