"""USE-08: what may be published of what visitors chose is groups of k and more, and leads to nobody.

What is promised stands here a second time, word by word; the role's own templates are never read.
"""

import json

from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.database import COUNTING, PSQL, asked, catalogues
from azukari.verify.website import declared_forms

# Of a registration nothing is kept but where letters go (LEAK-21).
KEPT = {"mail_service": ("delivery",)}
COLUMNS = {"form": "text", "item": "text", "choice": "text", "answers": "bigint"}
REFUSED = "42501"  # insufficient privilege (PostgreSQL, appendix A)
# What would show a group under k to whoever may see the published ones: the audit's role is the one that may.
TRIED = (
    "SELECT form, item, choice, answers FROM site.tally",
    "SELECT form, item, choice, answers FROM site.counts",
    "SELECT site.fold()",
)


def forms(site):
    """Return the collections that come in through the site's forms, in the policy's order."""
    names = {one.name for one in declared_forms(site).values()}
    return [one for one in site.policy.collections if one.name in names]


def declared(site):
    """Return (form, item, choice) of all that is counted."""
    return [(one.name, item.name, choice.name) for one in forms(site) for item in one.items for choice in item.choices]


# --- what may be published --------------------------------------------------------------------------------------------


@collector(proof="attempt")
def publishable(host):
    """The counts that the database gives out, and how it answers who wants the smaller ones."""
    rows = "SELECT jsonb_agg(jsonb_build_array(form, item, choice, answers)) FROM site.statistics()"
    [line] = asked(host, [rows])
    return {"rows": json.loads(line or "[]"), "tries": {statement: tried(host, statement) for statement in TRIED}}


def tried(host, statement):
    """Return how a statement of the audit's role ended: SQLSTATE, or `done`; no row of it."""
    answer = host.command([*PSQL, "--set=VERBOSITY=sqlstate", f"--command={statement}"])
    return "done" if not answer.exit_code else answer.stderr.strip().removeprefix("ERROR:").strip()


def shown_findings(rows, site):
    """Return a sentence for each number that must not be published."""
    least, known = site.policy.statistics.smallest_group, declared(site)
    cells = [tuple(row[:3]) for row in rows]
    findings = [f"{'/'.join(cell)} is no declared choice" for cell in cells if cell not in known]
    findings += [f"{'/'.join(cell)} is shown twice" for cell in sorted({one for one in cells if cells.count(one) > 1})]
    return findings + [
        f"a group of fewer than {least} is shown for {'/'.join(row[:3])}" for row in rows if row[3] < least
    ]


@check("USE-08", proof="attempt", vantage="host", hosts="db", collect=[publishable])
def test_no_small_group_is_shown(host, site, publishable):
    """What the database gives out for statistics is groups of k and more; the smaller ones it refuses."""
    where = f"\\sf site.statistics, \\dp site.* on {host.name}"
    findings = shown_findings(publishable["rows"], site)
    findings += [f"“{what}” was not refused" for what, how in publishable["tries"].items() if how == "done"]
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    unclear = [f"“{what}”: {how}" for what, how in publishable["tries"].items() if how != REFUSED]
    if unclear or set(publishable["tries"]) != set(TRIED):
        not_evaluated(f"it is not clear that these were refused: {'; '.join(unclear) or 'nothing was tried'}")
    least = site.policy.statistics.smallest_group
    return (
        f"{len(publishable['rows'])} groups, each of {least} answers or more; {len(TRIED)} ways to smaller ones refused"
    )


# --- that a count leads to nobody -------------------------------------------------------------------------------------


def programs(site):
    """Return the programs that count, word by word: what else stood there could keep who chose what."""
    least = site.policy.statistics.smallest_group
    recordset = "jsonb_to_recordset(waiting) AS one (form text, item text, choice text, answers bigint)"
    columns = "(form, item, choice, answers) SELECT form, item, choice, answers"
    known = ",".join(f"{form}.{item}={choice}" for form, item, choice in declared(site))
    return {
        "site.keep(text,uuid,jsonb,jsonb)": keep(site),
        "site.fold()": "DECLARE waiting jsonb; BEGIN LOCK TABLE site.tally IN ACCESS EXCLUSIVE MODE;"  # noqa: S608  compared, never run
        " SELECT coalesce(jsonb_agg(one), '[]') INTO waiting FROM (SELECT form, item, choice, sum(answers) AS answers"
        " FROM site.tally GROUP BY form, item, choice) AS one; TRUNCATE site.tally;"
        f" INSERT INTO site.tally {columns} FROM {recordset} WHERE answers < {least};"
        f" INSERT INTO site.counts AS counted {columns} FROM {recordset} WHERE answers >= {least}"
        " ON CONFLICT (form, item, choice) DO UPDATE SET answers = counted.answers + excluded.answers; END",
        "site.statistics()": "SELECT form, item, choice, answers FROM site.counts"  # noqa: S608  the same
        f" WHERE answers >= {least} AND form || '.' || item || '=' || choice = ANY ('{{{known}}}')",
    }


def keep(site):
    """Return the program of site.keep: sealed values with the answer, choices beside it; nothing that was erased."""
    steps = [
        "IF EXISTS (SELECT FROM site.spent WHERE digest = encode(sha256(uuid_send(answer)), 'hex')) THEN"
        " RETURN NULL; END IF;"
    ]
    for one in forms(site):
        purposes = "', '".join(KEPT.get(one.name, one.purposes))
        known = ",".join(f"{item}={choice}" for form, item, choice in declared(site) if form == one.name)
        steps.append(
            f"IF form = '{one.name}' AND (SELECT count(*) > 0 AND bool_and(key IN ('{purposes}'))"  # noqa: S608  the same
            " FROM jsonb_each_text(purposes)) AND NOT EXISTS (SELECT FROM jsonb_each_text(chosen)"
            f" WHERE key || '=' || coalesce(value, '') <> ALL ('{{{known}}}')) THEN"
            f" INSERT INTO site.{one.name} (id, purpose, sealed)"
            " SELECT answer, key, value FROM jsonb_each_text(purposes) ON CONFLICT DO NOTHING; IF FOUND THEN"
            f" INSERT INTO site.tally (form, item, choice, answers) SELECT '{one.name}', key, value, 1"
            " FROM jsonb_each_text(chosen); RETURN true; END IF; RETURN false; END IF;"
        )
    refusal = "RAISE EXCEPTION 'no such form, purpose or choice' USING ERRCODE = 'check_violation';"
    return f"BEGIN {' '.join(steps)} {refusal} END"


@collector()
def counting_programs(host):
    """The programs in the database's schema of the site, in single spaces."""
    question = (
        "SELECT jsonb_object_agg(oid::regprocedure, regexp_replace(btrim(prosrc, E' \\n'), '[[:space:]]+', ' ', 'g'))"
        " FROM pg_proc WHERE pronamespace = to_regnamespace('site')"
    )
    [line] = asked(host, [question])
    return json.loads(line or "{}")


@check("USE-08", hosts="db", collect=[catalogues, counting_programs])
def test_counts_lead_to_nobody(host, site, catalogues, counting_programs):
    """A count is a form, an item, a choice and a number; it is made and folded by the declared programs alone."""
    where = f"\\d site.tally, \\d site.counts, \\sf site.* on {host.name}"
    for name in COUNTING:
        found = (catalogues["columns"] or {}).get(name, {})
        fail_unless_equal(found=found, promised=COLUMNS, where=where, what=f"columns of {name}")
    kinds = {name: kind for name, kind, _ in catalogues["relations"] or () if name in COUNTING}
    promised = {"site.tally": "r u", "site.counts": "r"}  # u: what waits stands in no log of changes, and in no backup
    fail_unless_equal(found=kinds, promised=promised, where=where, what="kinds of the tables of counts")
    for name, text in programs(site).items():
        fail_unless_equal(found=counting_programs.get(name, ""), promised=text, where=where, what=name)
    return f"{len(COLUMNS)} columns, none of them an answer's; {len(programs(site))} programs as declared"
