"""USE-04, DEST-05: what the database holds, what each role may do there, and what services' roles try in vain.

What is promised stands here a second time; the role's own templates are never read.
"""

import re

from azukari.verify import check, fail_unless_equal
from azukari.verify.database import LEFT, SPENT, catalogues
from azukari.verify.database_attempts import answered, must_be_tried, role_of, tried_at_database
from azukari.verify.website import BY_LETTERS, FORM_PATHS, form_paths

COLUMNS = {"id": "uuid", "purpose": "text", "sealed": "text", "received": "date"}
OF_LETTERS = {"person": "text", "confirm": "text", "leave": "text", "confirmed": "date", "lettered": "date"}
OF_LETTERS |= {"earlier": "uuid[]"}  # the person's registrations that one took the place of
HASHES = "CHECK ((concat(person, confirm, leave) ~ '^([0-9a-f]{64})*$'::text))"
SEALED = "CHECK ((sealed ~ '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){4}$'::text))"
# What was chosen is counted beside (USE-08): with nothing that would say by whom or when.
COUNTS = {"form": "text", "item": "text", "choice": "text", "answers": "bigint"}
COUNTING = {"site.tally": "r u", "site.counts": "r"}  # in no log of changes; and kept
OF_LEFT = {"id": "uuid", "erased": "date"}  # of who unsubscribed
OF_SPENT = {"digest": "text", "day": "date"}  # of identifiers that are not taken again
KEEP, SEALED_FOR, FORGET = "site.keep(text,uuid,jsonb,jsonb)", "site.sealed()", "site.forget()"
FOLD, STATISTICS = "site.fold()", "site.statistics()"
AUDIT, RETENTION = "azukari-audit", "azukari-retention"
# What each role may call beside, where there is a mail tier that sends letters.
CALLS = {
    "intake": {"site.confirm(text)", "site.unsubscribe(text)"},
    "letters": {
        "site.due(uuid,integer)",
        "site.note(uuid,text,text,text)",
        "site.lettered(uuid)",
        "site.subscribers(uuid,integer)",
    },
    "finder": {"site.find(text)"},
    AUDIT: {"site.waiting()"},
}
SCHEMAS = {"site": "site_owner", "public": "pg_database_owner"}


def forms_of(site):
    """Return the names of the site's forms, each of which has a table."""
    return [name for name in FORM_PATHS if form_paths(site, name)]


def calls(site):
    """Return {role: functions} of the mail service, nothing where the site has none."""
    return CALLS if form_paths(site, BY_LETTERS) else {}


def functions(site):
    """Return the functions that the database holds."""
    return {KEEP, SEALED_FOR, FORGET, FOLD, STATISTICS}.union(*calls(site).values())


# --- what services' roles try -----------------------------------------------------------------------------------------

# SQLSTATE (PostgreSQL, appendix A): insufficient privilege. What the tables' own rules refuse counts for `keep` alone,
# called by the website: whoever meets them in any other statement had the right to make it.
REFUSED, RULED_OUT = "42501", "23514"
LARGE_OBJECTS = ("SELECT lo_creat(", "SELECT lo_create(", "SELECT lo_from_bytea(")  # kept where no purge looks


def granted(tries, role, wanted):
    """Return the statements of a kind that were not refused for want of a right."""
    return [f"“{what}”: {how}" for what, how in tries.items() if wanted(what) and not refused(what, how, role)]


def refused(statement, how, role):
    """Tell whether a statement was refused; a value that `keep` does not take is refused by the tables' own rules."""
    return how == REFUSED or (how == RULED_OUT and role == "intake" and statement.startswith("SELECT site.keep("))


def of_each_form(site, *statements):
    """Return the beginnings of statements, one for each table of a form."""
    return {f"{statement} site.{name}" for statement in statements for name in forms_of(site)}


def of_others(site, role):
    """Return how calls begin of each function that is there for another role, and of `keep`, which takes not all."""
    own = calls(site).get(role, set())
    return {f"SELECT {name.partition('(')[0]}(" for name in functions(site) - own}


DESTROYS = re.compile(r"^(DELETE|TRUNCATE|DROP|UPDATE|ALTER|LOCK|CREATE TRIGGER)\b")


@check("DEST-05", proof="attempt", vantage="host", hosts=["app", "mail"], collect=[tried_at_database])
def test_no_service_can_destroy(host, site, tried_at_database):
    """The roles of the website and of the mail tier can delete, change, empty, drop or lock nothing that is kept."""
    tries, role = answered(host, site, tried_at_database)["statements"], role_of(host, site)
    found = granted(tries, role, DESTROYS.search)
    assert not found, f"{role} was not refused: {'; '.join(found)}. Where to look: \\dp site.* on the database's host."
    of_forms = of_each_form(site, "DELETE FROM", "TRUNCATE", "UPDATE", "DROP TABLE", "ALTER TABLE")
    must_be_tried(of_forms | {"DELETE FROM site.counts", "TRUNCATE site.counts"}, tries)
    return f"{sum(1 for one in tries if DESTROYS.search(one))} statements of {role}, all refused"


@check("USE-04", proof="attempt", vantage="host", hosts=["app", "mail"], collect=[tried_at_database])
def test_no_service_gets_more_than_is_its_own(host, site, tried_at_database):
    """The roles of the website and of the mail tier read no table, call no function of others, become nobody else.

    And the website hands in sealed values alone.
    """
    tries, role = answered(host, site, tried_at_database)["statements"], role_of(host, site)
    found = granted(tries, role, lambda statement: not DESTROYS.search(statement))
    where = "\\dp site.*, \\df+ site.*, \\du on the database's host"
    assert not found, f"{role} was not refused: {'; '.join(found)}. Where to look: {where}."
    must_be_tried(
        {"SET ROLE", "SELECT count(*) FROM site.tally", "SELECT count(*) FROM site.counts", *LARGE_OBJECTS}
        | of_others(site, role)
        | of_each_form(site, "SELECT count(sealed) FROM", "INSERT INTO"),
        tries,
    )
    return f"{sum(1 for one in tries if not DESTROYS.search(one))} statements of {role}, all refused"


# --- what the catalogues grant ----------------------------------------------------------------------------------------

RIGHTS = {
    ("database site", "intake", "CONNECT", False),
    ("database site", RETENTION, "CONNECT", False),
    ("database site", AUDIT, "CONNECT", False),
    ("schema site", "intake", "USAGE", False),
    ("schema site", RETENTION, "USAGE", False),
    ("schema site", AUDIT, "USAGE", False),
    (KEEP, "intake", "EXECUTE", False),
    (FORGET, RETENTION, "EXECUTE", False),
    (FOLD, RETENTION, "EXECUTE", False),
    (SEALED_FOR, AUDIT, "EXECUTE", False),
    (STATISTICS, AUDIT, "EXECUTE", False),
    ("pg_hba_file_rules", AUDIT, "SELECT", False),
    ("pg_ident_file_mappings", AUDIT, "SELECT", False),
    ("pg_hba_file_rules()", AUDIT, "EXECUTE", False),
    ("pg_ident_file_mappings()", AUDIT, "EXECUTE", False),
}


def vacuums(site):
    """Return the rights by which what was deleted is also cleared from the tables' files."""
    days = {one.name for one in site.policy.collections if one.retention.days} | {BY_LETTERS}
    return {(f"site.{name}", RETENTION, "MAINTAIN", False) for name in forms_of(site) if name in days}


def of_letters(site):
    """Return the rights of the mail service: each role may call its functions, and touches no table."""
    called = {(name, role, "EXECUTE", False) for role, names in calls(site).items() for name in names}
    of_the_mail_tier = {"letters", "finder"}
    coming = {("database site", role, "CONNECT", False) for role in of_the_mail_tier}
    coming |= {("schema site", role, "USAGE", False) for role in of_the_mail_tier}
    return called | coming if called else set()


def rights_in(catalogues):
    """Return the rights that the catalogues grant: {(thing, who, right, may pass it on)}."""
    return {(thing, who.strip('"'), right, on) for thing, who, right, on in catalogues["rights"] or ()}


@check("USE-04", hosts="db", collect=[catalogues])
def test_rights_are_the_declared_ones(host, site, catalogues):
    """Each role may do what it is there for, on anything in the database; nobody's rights are everybody's."""
    found = rights_in(catalogues)
    fail_unless_equal(
        found=found, promised=RIGHTS | vacuums(site) | of_letters(site), where=f"\\dp on {host.name}", what="rights"
    )
    return f"{len(found)} rights, all declared"


def columns_of(table):
    """Return the columns that a table has: {name: kind}."""
    beside = {LEFT: OF_LEFT, SPENT: OF_SPENT}
    if table in beside:
        return beside[table]
    return COUNTS if table in COUNTING else COLUMNS | (OF_LETTERS if table == f"site.{BY_LETTERS}" else {})


def thing_findings(catalogues, site):
    """Return a sentence for each table, column, function or trigger that is not declared, or misses."""
    sealed = {f"site.{name}" for name in forms_of(site)}
    tables = sealed | {*COUNTING, SPENT} | ({LEFT} if calls(site) else set())
    findings = [
        f"the schema {name} belongs to {owner}"
        for name, owner in (catalogues["schemas"] or {}).items()
        if owner != SCHEMAS.get(name)
    ]
    for name, kind, owner in catalogues["relations"] or ():
        if name not in tables:
            findings.append(f"{name} (kind {kind}) is not declared")
        elif kind != COUNTING.get(name, "r"):
            what = "what waits stands in the log of changes" if kind == "r" else "a crash may empty it"
            findings.append(f"{name} is of the kind “{kind}”: {what}")
        elif owner != "site_owner":
            findings.append(f"{name} belongs to {owner}")
    found = catalogues["columns"] or {}
    findings += [f"the table {name} is missing" for name in sorted(tables - set(found))]
    for name in sorted(tables & set(found)):
        columns = columns_of(name)
        findings += [
            f"the column {column} of {name} is not declared" for column in sorted(set(found[name]) - set(columns))
        ]
        findings += [
            f"the column {column} of {name} is {found[name].get(column)}, promised is {kind}"
            for column, kind in columns.items()
            if found[name].get(column) != kind
        ]
        if name in sealed and [name, SEALED, True] not in (catalogues["constraints"] or ()):
            findings.append(f"{name} would take values that are not sealed")
        if name == f"site.{BY_LETTERS}" and [name, HASHES, True] not in (catalogues["constraints"] or ()):
            findings.append(f"{name} would take more of a person than hashes")
    return findings + program_findings(catalogues, functions(site))


def program_findings(catalogues, declared):
    """Return a sentence for each program inside the database that is not declared."""
    findings = [f"{one} would run by itself" for one in catalogues["triggers"] or ()]
    for name, owner, secured, settings in catalogues["programs"] or ():
        if name not in declared:
            findings.append(f"the function {name} is not declared")
        elif (owner, secured, settings) != ("site_owner", True, ["search_path=pg_catalog, pg_temp"]):
            who = owner if secured else "whoever calls it"
            findings.append(f"{name} runs as {who} with {', '.join(settings or ['no settings'])}")
    missing = sorted(declared - {row[0] for row in catalogues["programs"] or ()})
    findings += [f"the function {name} is missing" for name in missing]
    findings += [
        f"the extension {one} is not declared" for one in sorted({*catalogues["extensions"]} - {"plpgsql", "pgaudit"})
    ]
    return findings


@check("USE-04", hosts="db", collect=[catalogues])
def test_nothing_else_is_kept(host, site, catalogues):
    """The database holds the declared tables, of answers, counts and what was erased, and functions; nothing else."""
    findings = thing_findings(catalogues, site)
    assert not findings, f"{'; '.join(findings)}. Where to look: \\d site.* on {host.name}."
    return f"{len(catalogues['columns'])} tables, {len(catalogues['programs'])} functions"


DESTROYING = {"DELETE", "TRUNCATE", "UPDATE", "TRIGGER", "MAINTAIN"}


@check("DEST-05", hosts="db", collect=[catalogues])
def test_nobody_is_granted_destruction(host, site, catalogues):
    """Nobody is granted to change, delete or empty anything, and what is kept belongs to whom nobody can be."""
    rights = rights_in(catalogues)
    findings = [
        f"{who} may {right} {thing}" for thing, who, right, _ in sorted(rights - vacuums(site)) if right in DESTROYING
    ]
    findings += [f"{name} belongs to {who}" for name, _, who in catalogues["relations"] or () if who != "site_owner"]
    assert not findings, f"{'; '.join(findings)}. Where to look: \\dp site.* on {host.name}."
    return f"{len(catalogues['relations'] or ())} tables, which their owner alone may change"
