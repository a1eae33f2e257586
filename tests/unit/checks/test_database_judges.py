"""Judges of the database, with answers recorded on lab hosts and with bad ones."""

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_database as judged
from checks import test_database_rights as rights_judged

DB = SimpleNamespace(name="db")
FILE = f"{judged.SETTINGS}/postgresql.conf"
TABLE = "site.contact"


@pytest.fixture
def found(answers):
    return json.loads((answers / "database-catalogues.json").read_text())


# --- what the catalogues say ------------------------------------------------------------------------------------------


def come(found, site):
    return judged.test_who_may_come(DB, site, found)


def roles(found, site):
    return judged.test_one_role_for_each_purpose(DB, site, found)


def closed(found, _site):
    return judged.test_settings_are_closed(DB, found)


def rights(found, site):
    return rights_judged.test_rights_are_the_declared_ones(DB, site, found)


def kept(found, site):
    return rights_judged.test_nothing_else_is_kept(DB, site, found)


def on_the_disk(found, _site):
    return judged.test_what_is_acknowledged_is_on_the_disk(DB, found)


JUDGES = {
    come: "9 lines, all promised",
    roles: "7 roles, one of them all-powerful and local",
    closed: "15 settings, all from one file; 7 untouched",
    rights: "29 rights, all declared",
    kept: "6 tables, 13 functions",
    on_the_disk: "checksums, fsync and full-page writes",
}


@pytest.mark.parametrize(("judge", "said"), JUDGES.items())
def test_the_recorded_database_is_as_promised(found, lab_site, judge, said):
    assert judge(found, lab_site) == said


def add(key, *rows):
    return lambda found: found.update({key: [*(found[key] or []), *rows]})


def put(key, value):
    return lambda found: found.update({key: value})


def without(key, index):
    return lambda found: found[key].pop(index)


def cell(key, index, at, value):
    """Change one cell of a row, found by what it begins with or by its place."""

    def change(found):
        rows = found[key]
        row = rows[index] if isinstance(index, int) else next(one for one in rows if one[0] == index)
        row[at] = value

    return change


def setting(name, at, value):
    return lambda found: found["settings"][name].__setitem__(at, value)


def role(name, **changed):
    return lambda found: next(one for one in found["roles"] if one["name"] == name).update(changed)


def own(who, *settings, database="all"):
    return add("own", [who, database, list(settings)])


def constraint(text, valid=True):
    def change(found):
        others = [row for row in found["constraints"] if row[0] != TABLE]
        found["constraints"] = [[TABLE, text, valid], [TABLE, "PRIMARY KEY (id, purpose)", True], *others]

    return change


def column(name, kind):
    return lambda found: found["columns"][TABLE].update({name: kind})


ANYBODY = ["host", "all", "all", "0.0.0.0/0.0.0.0", "trust", None, None]
RIGHT = ["schema site", "intake", "USAGE", False]
PATH = ["search_path=pg_catalog, pg_temp"]

# The judge, what is otherwise, and what is said of it.
WRONG = {
    "another line": (come, add("doors", ANYBODY), "host all all 0.0.0.0/0.0.0.0 trust” is not promised"),
    "a line twice": (come, lambda f: f["doors"].append(f["doors"][0]), "another order"),
    "a line missing": (come, without("doors", 4), r"the line for intake from 2001:2:0:64::12/ffff.* is missing"),
    "the superuser's line missing": (
        come,
        without("doors", 0),
        "the line for postgres from the host itself is missing",
    ),
    "another order": (come, lambda f: f["doors"].reverse(), "another order"),
    "a wider network": (come, cell("doors", 3, 3, "198.18.64.0/255.255.255.0"), "is not promised"),
    "without a certificate": (come, cell("doors", 3, 5, None), "is not promised"),
    "no TLS asked for": (come, cell("doors", 3, 0, "host"), "is not promised"),
    "no password": (come, cell("doors", 3, 4, "cert"), "is not promised"),
    "a line with an error": (come, cell("doors", 3, 6, "invalid option"), "invalid option” is not promised"),
    "no lines": (come, put("doors", None), "is missing"),
    "changed after it was read": (
        come,
        lambda f: f["files"].update({f"{judged.SETTINGS}/pg_hba.conf": f["loaded"] + 1}),
        "pg_hba.conf changed after",
    ),
    "an ident map": (come, put("names", [["map", "tanaka", "postgres"]]), "tanaka may come as postgres"),
    "a second superuser": (
        roles,
        add("roles", {"name": "helper", "login": True, "rights": ["superuser"]}),
        "found but not promised: helper",
    ),
    "the website may make databases": (roles, role("intake", rights=["createdb"]), "intake is yes createdb"),
    "the owner may log in": (roles, role("site_owner", login=True), "site_owner is yes"),
    "a role missing": (roles, without("roles", 1), "promised but not found: site_owner"),
    "a membership": (roles, add("members", ["intake", "pg_read_all_data"]), "intake pg_read_all_data"),
    "the audit's membership missing": (roles, put("members", None), "promised but not found: azukari-audit"),
    "wrong value": (closed, setting("ssl_min_protocol_version", 0, "TLSv1.2"), "is TLSv1.2, promised is TLSv1.3"),
    "another file": (
        closed,
        setting("ssl", 2, "/etc/postgresql/17/main/conf.d/x.conf"),
        r"ssl comes from .*x\.conf, and",
    ),
    "another source": (
        closed,
        lambda f: f["settings"].update({"ssl": ["on", "command line", None, False]}),
        "ssl comes from command line",
    ),
    "waits for a restart": (closed, setting("shared_preload_libraries", 3, True), "will change at the next restart"),
    "a setting that nobody knows": (closed, lambda f: f["settings"].pop("pgaudit.log"), r"pgaudit\.log is None"),
    "slow statements with values": (
        closed,
        setting("log_min_duration_statement", 0, "0"),
        "log_min_duration_statement is 0, promised is -1",
    ),
    "a library for each session": (
        closed,
        setting("session_preload_libraries", 0, "evil"),
        "is evil, promised is nothing",
    ),
    "lines from another file": (closed, setting("hba_file", 0, "/tmp/hba"), "hba_file is /tmp/hba"),
    "a role's own record": (
        closed,
        own("intake", "log_statement=all"),
        "for the role intake in the database all, log_statement is all",
    ),
    "a database's own record": (
        closed,
        own("all", "statement_timeout=5s", "pgaudit.log=none", database="site"),
        r"for the role all in the database site, pgaudit\.log is none",
    ),
    "a role's own slow statements": (
        closed,
        own("intake", "log_min_duration_statement=0"),
        "log_min_duration_statement",
    ),
    "no pgaudit": (closed, put("extensions", ["plpgsql"]), "pgaudit is not in the database"),
    "a right too many": (
        rights,
        add("rights", [TABLE, "intake", "SELECT", False]),
        "promised: site.contact intake SELECT",
    ),
    "a column's right": (
        rights,
        add("rights", [f"{TABLE}.sealed", "intake", "SELECT", False]),
        r"contact\.sealed intake",
    ),
    "everybody's right": (rights, add("rights", ["database site", "everybody", "TEMPORARY", False]), "everybody"),
    "a right to pass on": (rights, lambda f: f["rights"][f["rights"].index(RIGHT)].__setitem__(3, True), "USAGE yes"),
    "a right missing": (rights, lambda f: f["rights"].remove(RIGHT), "promised but not found: schema site intake"),
    "no rights": (rights, put("rights", None), "promised but not found"),
    "another table": (kept, add("relations", ["spare", "r", "site_owner"]), r"spare \(kind r\) is not declared"),
    "a view": (kept, add("relations", ["site.all_of_it", "v", "site_owner"]), r"all_of_it \(kind v\) is not declared"),
    "a view in the table's place": (
        kept,
        lambda f: (cell("relations", TABLE, 1, "v")(f), f["columns"].clear()),
        "the table site.contact is missing",
    ),
    "the table missing": (kept, put("columns", None), "the table site.contact is missing"),
    "a table that a crash empties": (kept, cell("relations", TABLE, 1, "r u"), "a crash may empty it"),
    "what waits, in the log of changes": (
        kept,
        cell("relations", "site.tally", 1, "r"),
        r"tally is of the kind “r”: what waits stands in the log of changes",
    ),
    "counts that a crash empties": (kept, cell("relations", "site.counts", 1, "r u"), "a crash may empty it"),
    "a count that knows its answer": (
        kept,
        lambda f: f["columns"]["site.tally"].update(id="uuid"),
        "the column id of site.tally is not declared",
    ),
    "no table of counts": (kept, lambda f: f["columns"].pop("site.counts"), "the table site.counts is missing"),
    "another owner": (kept, cell("relations", TABLE, 2, "intake"), "site.contact belongs to intake"),
    "another column": (kept, column("comments", "text"), "the column comments of site.contact is not declared"),
    "another type": (kept, column("received", "timestamp"), "received of site.contact is timestamp, promised is date"),
    "a column missing": (kept, lambda f: f["columns"][TABLE].pop("sealed"), "sealed of site.contact is None"),
    "no constraint": (kept, lambda f: f["constraints"].pop(0), "would take values that are not sealed"),
    "no constraints": (kept, put("constraints", None), "would take values that are not sealed"),
    "a constraint not validated": (
        kept,
        constraint(rights_judged.SEALED, False),
        "would take values that are not sealed",
    ),
    "a constraint with a way around it": (
        kept,
        constraint(rights_judged.SEALED[:-1] + " OR (purpose = 'x'::text))"),
        "would take values that are not sealed",
    ),
    "another table's constraint": (kept, cell("constraints", 0, 0, "site.other"), "would take values"),
    "another function": (
        kept,
        add("programs", ["site.peek()", "site_owner", True, PATH]),
        r"the function site\.peek\(\) is not declared",
    ),
    "keep of another owner": (kept, cell("programs", 0, 1, "postgres"), "runs as postgres with search_path"),
    "keep as its caller": (kept, cell("programs", 0, 2, False), "runs as whoever calls it"),
    "keep with another path": (kept, cell("programs", 0, 3, ["search_path=public"]), "with search_path=public"),
    "keep without a path": (kept, cell("programs", 0, 3, None), "with no settings"),
    "keep missing": (kept, put("programs", None), r"the function site\.keep\(.*\) is missing"),
    "a trigger": (kept, put("triggers", ["site.contact copy"]), "site.contact copy would run by itself"),
    "an extension": (kept, add("extensions", "dblink"), "the extension dblink is not declared"),
    "no checksums": (on_the_disk, setting("data_checksums", 0, "off"), "pages carry no checksums"),
    "checksums unknown": (on_the_disk, lambda f: f["settings"].pop("data_checksums"), "pages carry no checksums"),
    "no fsync": (on_the_disk, setting("fsync", 0, "off"), "fsync is off, promised is on"),
    "torn pages": (on_the_disk, setting("full_page_writes", 0, "off"), "full_page_writes is off"),
    "fsync until a restart": (on_the_disk, setting("fsync", 3, True), "fsync will change"),
}


@pytest.mark.parametrize(("judge", "change", "said"), WRONG.values(), ids=WRONG)
def test_whatever_is_otherwise_is_found_by_its_judge_alone(found, lab_site, judge, change, said):
    change(found)
    with pytest.raises(AssertionError, match=said):
        judge(copy.deepcopy(found), lab_site)
    for other, usual in JUDGES.items():
        if other is not judge:
            assert other(copy.deepcopy(found), lab_site) == usual


NEAR = {
    "an own setting of no matter": own("intake", "work_mem=8MB"),
    "an own setting as promised": own("intake", "log_statement=none", "synchronous_commit=on"),
    "read again after the last change": lambda f: f.update(loaded=f["loaded"] + 1e6),
    "a file that is no setting": lambda f: f["files"].update({f"{judged.SETTINGS}/environment": f["loaded"] + 1}),
    "another constraint": add("constraints", [TABLE, "CHECK ((length(sealed) < 100000))", True]),
    "another order of what has none": lambda f: [f[key].reverse() for key in ("roles", "rights", "extensions", "own")],
}


@pytest.mark.parametrize("change", NEAR.values(), ids=NEAR)
def test_what_is_no_matter_is_no_finding(found, lab_site, change):
    change(found)
    for judge, usual in JUDGES.items():
        assert judge(found, lab_site) == usual


def test_a_form_that_the_policy_does_not_declare_has_no_table(found, lab_site):
    none = lab_site.policy.model_copy(update={"collections": []})
    with pytest.raises(AssertionError, match=r"site\.contact \(kind r\) is not declared"):
        kept(found, replace(lab_site, policy=none))


def test_a_form_that_no_application_takes_in_has_no_table(found, lab_site):
    hosts = {name: host for name, host in lab_site.hosts.items() if "app" not in host.groups}
    with pytest.raises(AssertionError, match=r"site\.contact \(kind r\) is not declared"):
        kept(found, replace(lab_site, hosts=hosts))


# --- room -------------------------------------------------------------------------------------------------------------

LAB = ["/", 6249086976, 5668548608, 393216, 385323]


def test_a_lab_hosts_disk_has_room():
    assert judged.test_there_is_room(DB, [LAB]) == "1 disks, at least 10 % free"
    assert judged.test_there_is_room(DB, [["/", 1000, 100, 100, 10], ["/boot", 0, 0, 0, 0], ["/data", 1000, 500, 0, 0]])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["/var", 2**30, 2**30 // 10 - 1, 100, 100], "/var has 9 % of its 1024 MiB free"),
        (["/var", 2**30, 0, 0, 0], "/var has 0 % of its 1024 MiB free"),
        (["/var", 2**30, 2**29, 1000, 99], "/var has 9 % of its 1000 inodes free"),
    ],
)
def test_a_full_disk_is_named(row, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_there_is_room(DB, [LAB, row])


def test_where_no_disk_was_named_nothing_is_judged():
    with pytest.raises(NotEvaluated):
        judged.test_there_is_room(DB, [])


DF = """\
Mounted on           Type           1B-blocks      Avail  Inodes  IFree
/                    zfs           6249086976 5668548608  393216 385323
/dev                 tmpfs             503808     503808 2051373 2051361
/run                 tmpfs          820551680  820400128  819200 818949
/run/credentials/a   ext4                4096          0       1      0
/srv/of the office   ext4          1000000000   99999999       -      -
/boot/efi            vfat            99999744   90000000       0      0
"""


def test_df_is_read_without_what_is_in_memory():
    asked = SimpleNamespace(command=lambda _argv: SimpleNamespace(exit_code=1, stdout=DF, stderr="df: /x: denied"))
    assert judged.room(asked) == [
        LAB,
        ["/srv/of the office", 1000000000, 99999999, 0, 0],
        ["/boot/efi", 99999744, 90000000, 0, 0],
    ]


def test_a_df_that_does_not_answer_proves_nothing():
    asked = SimpleNamespace(command=lambda _argv: SimpleNamespace(exit_code=127, stdout="", stderr="no df"))
    with pytest.raises(NotEvaluated, match="no df"):
        judged.room(asked)


def test_nobody_is_granted_destruction(found, lab_site):
    assert (
        rights_judged.test_nobody_is_granted_destruction(DB, lab_site, found)
        == "6 tables, which their owner alone may change"
    )


def test_the_recorded_database_writes_no_values_down(found):
    assert judged.test_no_values_are_written_down(DB, found) == "10 settings, the same for every role"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("log_parameter_max_length", 0, "-1"), "log_parameter_max_length is -1"),
        (setting("log_min_duration_statement", 0, "0"), "log_min_duration_statement is 0"),
        (lambda f: f["settings"].pop("log_statement"), "log_statement is nothing"),
        (own("intake", "log_statement=all"), "for the role intake"),
    ],
)
def test_a_record_with_values_is_found(found, change, said):
    change(found)
    with pytest.raises(AssertionError, match=said):
        judged.test_no_values_are_written_down(DB, found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add("rights", [TABLE, "intake", "DELETE", False]), "intake may DELETE site.contact"),
        (add("rights", [TABLE, "intake", "MAINTAIN", False]), "intake may MAINTAIN site.contact"),
        (add("rights", [TABLE, judged.RETENTION, "DELETE", False]), "azukari-retention may DELETE site.contact"),
        (add("rights", [TABLE, "everybody", "TRUNCATE", False]), "everybody may TRUNCATE site.contact"),
        (cell("relations", TABLE, 2, "intake"), "site.contact belongs to intake"),
    ],
)
def test_destruction_that_is_granted_is_found(found, lab_site, change, said):
    change(found)
    with pytest.raises(AssertionError, match=said):
        rights_judged.test_nobody_is_granted_destruction(DB, lab_site, found)
