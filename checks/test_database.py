"""LEAK-22, LEAK-23, LOSS-09: who may come to the database, what it writes down, and what of it is on the disk.

What is promised stands here a second time; the role's own templates are never read.
"""

import re

from azukari.verify import check, collector, fail_unless_equal, not_evaluated
from azukari.verify.database import catalogues
from azukari.verify.database_attempts import REFUSALS, answered, must_be_tried, tried_at_database
from azukari.verify.website import BY_LETTERS, form_paths

SETTINGS = "/etc/postgresql/17/main"
AUDIT, RETENTION = "azukari-audit", "azukari-retention"

# --- LEAK-22, LEAK-23 -------------------------------------------------------------------------------------------------

ROLES = {
    "postgres": (True, ("superuser", "createdb", "createrole", "replication", "bypassrls")),
    "site_owner": (False, ()),
    "intake": (True, ()),
    RETENTION: (True, ()),
    AUDIT: (True, ()),
}
LETTERS = {"letters": (True, ()), "finder": (True, ())}
MEMBERS = {(AUDIT, "pg_read_all_settings")}
WHOLE = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}


def promised_doors(site):
    """Return the lines of pg_hba.conf that the site promises, in order."""
    doors = [("local", "all", "postgres", "", "peer", None, None)]
    doors += [("local", "site", own, "", "peer", None, None) for own in (AUDIT, RETENTION)]
    roles = [("app", "intake"), *([("mail", one) for one in LETTERS] if form_paths(site, BY_LETTERS) else [])]
    for role, one in [(role, host) for group, role in roles for host in site.group(group)]:
        for address in (one.address, one.address6):
            if address:
                door = f"{address}/{WHOLE[address.version]}"
                doors.append(("hostssl", "site", role, door, "scram-sha-256", "clientcert=verify-full", None))
    return doors


def door_findings(found, promised):
    """Return a sentence for each line that lets somebody in who is not promised, or is missing."""
    said = [tuple(row) for row in found or ()]
    findings = [
        f"the line “{' '.join(str(p) for p in row if p)}” is not promised" for row in said if row not in promised
    ]
    findings += [
        f"the line for {row[2]} from {row[3] or 'the host itself'} is missing" for row in promised if row not in said
    ]
    if not findings and said != promised:
        findings.append("the lines stand in another order than promised; the first that fits decides")
    return findings


@check("LEAK-22", hosts="db", collect=[catalogues])
def test_who_may_come(host, site, catalogues):
    """Only declared hosts may come, over TLS, with the role's certificate and password; the superuser from nowhere."""
    findings = door_findings(catalogues["doors"], promised_doors(site))
    findings += [f"the system user {row[1]} may come as {row[2]}" for row in catalogues["names"] or ()]
    late = [
        path for path, when in catalogues["files"].items() if when > catalogues["loaded"] and path.endswith(".conf")
    ]
    findings += [f"{path} changed after the database had read it" for path in late]
    assert not findings, f"{'; '.join(findings)}. Where to look: {SETTINGS}/pg_hba.conf on {host.name}."
    return f"{len(catalogues['doors'])} lines, all promised"


@check("LEAK-22", hosts="db", collect=[catalogues])
def test_one_role_for_each_purpose(host, site, catalogues):
    """There are the declared roles alone; none but postgres may do all, and none is a member of another."""
    where = f"\\du on {host.name}"
    found = {one["name"]: (one["login"], tuple(one["rights"])) for one in catalogues["roles"]}
    promised = ROLES | (LETTERS if form_paths(site, BY_LETTERS) else {})
    fail_unless_equal(found=found, promised=promised, where=where, what="roles")
    fail_unless_equal(
        found={tuple(row) for row in catalogues["members"] or ()}, promised=MEMBERS, where=where, what="memberships"
    )
    return f"{len(found)} roles, one of them all-powerful and local"


# As pg_settings tells them. Each must come from the one file, and not wait for a restart.
SETTINGS_PROMISED = {
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
    "ssl_ca_file": "/etc/azukari/tls/domain_ca.pem",
    "ssl_cert_file": "/etc/azukari/tls/host.pem",
    "password_encryption": "scram-sha-256",
    "allow_alter_system": "off",
    "shared_preload_libraries": "pgaudit",
    "pgaudit.log": "write, ddl, role",
    "pgaudit.log_parameter": "off",
    "log_connections": "on",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
# What would write values down, bring in code or rules from elsewhere: nobody sets it, so that its source is no matter.
UNTOUCHED = {
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "hba_file": f"{SETTINGS}/pg_hba.conf",
    "ident_file": f"{SETTINGS}/pg_ident.conf",
}
SAFE = {"fsync": "on", "full_page_writes": "on"}
SETTINGS_PROMISED |= SAFE


def setting_findings(settings, promised):
    """Return a sentence for each setting that is not as promised, or not from the one file."""
    findings = []
    for name, value in promised.items():
        said, source, file, waits = settings.get(name) or (None, None, None, None)
        if said != value:
            findings.append(f"{name} is {said}, promised is {value}")
        elif source != "configuration file" or file != f"{SETTINGS}/postgresql.conf":
            findings.append(f"{name} comes from {file or source}, and not from {SETTINGS}/postgresql.conf")
        elif waits:
            findings.append(f"{name} will change at the next restart")
    return findings


def own_findings(own, promised):
    """Return a sentence for each setting of a role or a database that overrides a promised one."""
    said = [(role, database, one.partition("=")) for role, database, settings in own or () for one in settings]
    return [
        f"for the role {role} in the database {database}, {name} is {value}"
        for role, database, (name, _, value) in said
        if name in promised and value != promised[name]
    ]


@check("LEAK-22", hosts="db", collect=[catalogues])
def test_settings_are_closed(host, catalogues):
    """TLS 1.3 with the site's own CA, scram, a record of who did what without values; nothing else has a say."""
    closed = {name: value for name, value in SETTINGS_PROMISED.items() if name not in SAFE}
    findings = setting_findings(catalogues["settings"], closed) + own_findings(catalogues["own"], closed | UNTOUCHED)
    for name, value in UNTOUCHED.items():
        said = (catalogues["settings"].get(name) or [None])[0]
        if said != value:
            findings.append(f"{name} is {said}, promised is {value or 'nothing'}")
    if "pgaudit" not in catalogues["extensions"]:
        findings.append("the extension pgaudit is not in the database")
    assert not findings, f"{'; '.join(findings)}. Where to look: {SETTINGS}/postgresql.conf on {host.name}."
    return f"{len(closed)} settings, all from one file; {len(UNTOUCHED)} untouched"


VALUES = re.compile(r"^(log_|pgaudit\.log_parameter$)")


@check("LEAK-23", hosts="db", collect=[catalogues])
def test_no_values_are_written_down(host, catalogues):
    """The database's record says what was done and never with which values, for every role."""
    promised = {name: value for name, value in (SETTINGS_PROMISED | UNTOUCHED).items() if VALUES.match(name)}
    found = {name: (catalogues["settings"].get(name) or [None])[0] for name in promised}
    fail_unless_equal(found=found, promised=promised, where=f"SHOW ALL on {host.name}", what="settings of the record")
    findings = own_findings(catalogues["own"], promised)
    assert not findings, f"{'; '.join(findings)}. Where to look: \\drds on {host.name}."
    return f"{len(promised)} settings, the same for every role"


WAYS = {
    "without TLS",
    "without a certificate",
    "with the host's certificate in place of the role's",
    "with the certificate and another password",
    "with TLS 1.2",
    "as postgres",
    "as the owner of the tables",
    "as the audit's role",
    "as the retention's role",
    "as another service's role",
    "to the database postgres",
    "to the database template1",
}


@check("LEAK-22", proof="attempt", vantage="host", hosts=["app", "mail"], collect=[tried_at_database])
def test_other_ways_in_are_refused(host, site, tried_at_database):
    """Without TLS, certificate or password, under another name or to another database, nobody gets in."""
    tries = answered(host, site, tried_at_database)["connections"]
    let_in = [f"{what}: {how}" for what, how in tries.items() if how == "done"]
    assert not let_in, f"let in: {'; '.join(let_in)}. Where to look: pg_hba.conf on the database's host."
    unclear = [f"{what}: {how}" for what, how in tries.items() if not REFUSALS.search(how)]
    if unclear:
        not_evaluated(f"it is not clear that these were refused: {'; '.join(unclear)}")
    must_be_tried(WAYS, tries)
    return f"{len(tries)} other ways in, all refused"


# --- LOSS-09 ----------------------------------------------------------------------------------------------------------


@check("LOSS-09", hosts="db", collect=[catalogues])
def test_what_is_acknowledged_is_on_the_disk(host, catalogues):
    """Pages carry checksums, are written whole, and what is said to be on the disk is there."""
    findings = setting_findings(catalogues["settings"], SAFE) + own_findings(catalogues["own"], SAFE)
    if (catalogues["settings"].get("data_checksums") or [None])[0] != "on":
        findings.append("pages carry no checksums")
    assert not findings, f"{'; '.join(findings)}. Where to look: {SETTINGS}/postgresql.conf on {host.name}."
    return "checksums, fsync and full-page writes"


FREE = 10  # per cent of bytes and of inodes


@collector()
def room(host):
    """How much room is left on each disk that can be written: [mount point, bytes, free bytes, inodes, free inodes]."""
    answer = host.command(["df", "--local", "--output=target,fstype,size,avail,itotal,iavail", "-B1"])
    if answer.exit_code and not answer.stdout:
        not_evaluated(f"df does not answer: {answer.stderr.strip()}")
    rows = [line.rsplit(maxsplit=5) for line in answer.stdout.splitlines()[1:]]  # a mount point may have spaces
    return [
        [row[0], *(int(number) if number.isdigit() else 0 for number in row[2:])]
        for row in rows
        if len(row) == 6
        and not row[0].startswith("/run/")
        and row[1] not in {"tmpfs", "devtmpfs", "efivarfs", "squashfs", "iso9660", "ramfs"}
    ]


def room_findings(rows):
    """Return a sentence for each disk on which too little is left."""
    findings = []
    for mount, size, free, inodes, free_inodes in rows:
        if size and free * 100 < size * FREE:
            findings.append(f"{mount} has {free * 100 // size} % of its {size // 2**20} MiB free")
        if inodes and free_inodes * 100 < inodes * FREE:
            findings.append(f"{mount} has {free_inodes * 100 // inodes} % of its {inodes} inodes free")
    return findings


@check("LOSS-09", collect=[room])
def test_there_is_room(host, room):
    """A tenth of each disk, and of its inodes, is free."""
    if not room:
        not_evaluated("no disk was named")
    findings = room_findings(room)
    assert not findings, f"{'; '.join(findings)}; promised are {FREE} %. Where to look: df, df -i on {host.name}."
    return f"{len(room)} disks, at least {FREE} % free"
