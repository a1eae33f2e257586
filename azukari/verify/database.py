"""What a database's own catalogues say, asked as the audit's role: it may read settings and catalogues, and no row.

It collects and judges nothing; the checks of the role `database` judge.
"""

import json
from collections.abc import Iterable
from typing import Any

from azukari.verify.authoring import collector, not_evaluated
from azukari.verify.host import CheckHost

CLUSTER_SETTINGS = "/etc/postgresql/17/main"
COUNTING = ("site.tally", "site.counts")  # how often what was chosen: what waits, and what may be published
SPENT = "site.spent"  # identifiers of what was erased, as digests: none is taken again
LEFT = "site.erased"  # where there is a mail tier: who unsubscribed, until the erasure ledger has it (USE-10)

# Each gives one JSON document. What PostgreSQL came with is left out.
QUESTIONS = {
    "roles": """
        SELECT jsonb_agg(jsonb_build_object('name', rolname, 'login', rolcanlogin, 'rights', array_remove(ARRAY[
            CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreatedb THEN 'createdb' END,
            CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolreplication THEN 'replication' END,
            CASE WHEN rolbypassrls THEN 'bypassrls' END], NULL)))
        FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%'""",
    "members": """
        SELECT jsonb_agg(jsonb_build_array(pg_get_userbyid(member), pg_get_userbyid(roleid)))
        FROM pg_auth_members WHERE oid >= 16384""",
    "doors": """
        SELECT jsonb_agg(jsonb_build_array(type, array_to_string(database, ','), array_to_string(user_name, ','),
            concat_ws('/', address, netmask), auth_method, array_to_string(options, ','), error) ORDER BY rule_number)
        FROM pg_hba_file_rules""",
    "names": """
        SELECT jsonb_agg(jsonb_build_array(map_name, sys_name, pg_username)) FROM pg_ident_file_mappings""",
    "settings": """
        SELECT jsonb_object_agg(name, jsonb_build_array(setting, source, sourcefile, pending_restart))
        FROM pg_settings""",
    "own": """
        SELECT jsonb_agg(jsonb_build_array(coalesce(nullif(setrole, 0)::regrole::text, 'all'),
            coalesce(datname::text, 'all'), setconfig))
        FROM pg_db_role_setting LEFT JOIN pg_database ON pg_database.oid = setdatabase""",
    "relations": """
        SELECT jsonb_agg(jsonb_build_array(c.oid::regclass::text,
            relkind::text || CASE relpersistence WHEN 'p' THEN '' ELSE ' ' || relpersistence::text END,
            relowner::regrole::text))
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind NOT IN ('i', 't')""",
    "schemas": """
        SELECT jsonb_object_agg(nspname, nspowner::regrole::text) FROM pg_namespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'""",
    "columns": """
        SELECT jsonb_object_agg(name, columns) FROM (
            SELECT attrelid::regclass::text AS name,
                jsonb_object_agg(attname, format_type(atttypid, atttypmod)) AS columns
            FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname = 'site' AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped GROUP BY 1) found""",
    "constraints": """
        SELECT jsonb_agg(jsonb_build_array(conrelid::regclass::text, pg_get_constraintdef(oid), convalidated))
        FROM pg_constraint WHERE connamespace = to_regnamespace('site')""",
    "programs": """
        SELECT jsonb_agg(jsonb_build_array(p.oid::regprocedure::text, proowner::regrole::text, prosecdef, proconfig))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')""",
    "triggers": """
        SELECT jsonb_agg(found) FROM (
            SELECT tgrelid::regclass || ' ' || tgname AS found FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL SELECT ev_class::regclass || ' ' || rulename FROM pg_rewrite
                JOIN pg_class ON pg_class.oid = ev_class WHERE relkind IN ('r', 'p')
            UNION ALL SELECT 'event ' || evtname FROM pg_event_trigger WHERE evtname NOT LIKE 'pgaudit\\_%') every""",
    "extensions": """
        SELECT jsonb_agg(extname) FROM pg_extension""",
    "rights": """
        SELECT jsonb_agg(jsonb_build_array(thing, coalesce(nullif(grantee, 0)::regrole::text, 'everybody'),
            privilege_type, is_grantable))
        FROM (
            SELECT c.oid::regclass::text AS thing, relowner AS owner, (aclexplode(relacl)).*, i.initprivs AS came
                FROM pg_class c LEFT JOIN pg_init_privs i ON i.objoid = c.oid AND i.objsubid = 0
                    AND i.classoid = 'pg_class'::regclass
            UNION ALL SELECT attrelid::regclass || '.' || attname, relowner, (aclexplode(attacl)).*, i.initprivs
                FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                LEFT JOIN pg_init_privs i ON i.objoid = attrelid AND i.objsubid = attnum
            UNION ALL SELECT p.oid::regprocedure::text, proowner, (aclexplode(coalesce(proacl,
                    CASE WHEN pronamespace = to_regnamespace('site')
                        OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')
                    THEN acldefault('f', proowner) END))).*, i.initprivs
                FROM pg_proc p LEFT JOIN pg_init_privs i ON i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass
            UNION ALL SELECT 'schema ' || nspname, nspowner, (aclexplode(nspacl)).*,
                    CASE WHEN nspname <> 'public' THEN i.initprivs END
                FROM pg_namespace n LEFT JOIN pg_init_privs i
                    ON i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass
            UNION ALL SELECT 'database ' || datname, datdba, (aclexplode(coalesce(datacl, acldefault('d', datdba)))).*,
                NULL::aclitem[] FROM pg_database
        ) rights
        WHERE grantee <> owner AND NOT (grantee = 0 AND thing ~ '^(schema )?information_schema')
            AND NOT EXISTS (SELECT FROM aclexplode(came) AS c
            WHERE c.grantee = rights.grantee AND c.privilege_type = rights.privilege_type)""",
    "loaded": """
        SELECT to_jsonb(extract(epoch FROM pg_conf_load_time()))""",
}


# Not the wrapper in front of it, which is a program in Perl that chooses a version, and takes longer than the question.
PSQL = ("/usr/lib/postgresql/17/bin/psql", "--no-psqlrc", "-qAt", "--dbname=site")


def asked(host: CheckHost, statements: Iterable[str]) -> list[str]:
    """Return one line for each statement, or end the check as not evaluated."""
    commands = [f"-c{' '.join(text.split())}" for text in statements]
    answer = host.command([*PSQL, "--set=ON_ERROR_STOP=1", *commands])
    lines = answer.stdout.split("\n")[:-1]
    if answer.exit_code or len(lines) != len(commands):
        not_evaluated(f"the database does not answer: {answer.stderr.strip()[-300:]}")
    return lines


@collector()
def sealed(host: CheckHost) -> list[Any]:
    """For which key how much is sealed, and since when: [form, purpose, key, answers, oldest day]."""
    rows = "SELECT jsonb_agg(jsonb_build_array(form, purpose, key, answers, oldest)) FROM site.sealed()"
    [line] = asked(host, [rows])
    found: list[Any] = json.loads(line or "[]")
    return found


@collector()
def catalogues(host: CheckHost) -> dict[str, Any]:
    """What the database's own catalogues say: roles, doors, settings, things and rights; no row of what is kept."""
    lines = asked(host, QUESTIONS.values())
    files = host.command(["find", CLUSTER_SETTINGS, "-printf", "%C@ %p\\n"])
    if files.exit_code:
        not_evaluated(f"{CLUSTER_SETTINGS} cannot be looked at: {files.stderr.strip()}")
    found = {name: json.loads(line) if line else None for name, line in zip(QUESTIONS, lines, strict=True)}
    changed = [line.split(" ", 1) for line in files.stdout.splitlines()]
    return {**found, "files": {path: float(when) for when, path in changed}}
