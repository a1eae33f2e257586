"""DEST-08, DEST-10: programs are what their packages brought, and servers are what was declared."""

import hashlib
import re
from datetime import datetime, timedelta

from azukari import evidence
from azukari.content import content
from azukari.verify import check, collector, fail_unless_equal, not_evaluated

# --- DEST-08 ----------------------------------------------------------------------------------------------------------

# Programs outside packages: azukari's own, with the role that brings each.
OWN_PROGRAMS = {
    "/usr/local/sbin/azukari-rollback": "base",
    "/usr/local/sbin/azukari-restart-owed": "updates",
    "/usr/local/libexec/azukari-facts": "audit_access",
    "/usr/local/libexec/azukari-audit-session": "audit_access",
    "/usr/local/libexec/azukari-acme": "pki",
    "/usr/local/libexec/azukari-certificate-age": "pki",
    "/usr/local/libexec/azukari-clock": "time",
    "/usr/local/libexec/azukari-count-domains": "web",
    "/usr/local/libexec/azukari-count-log": "web",
    "/usr/local/libexec/azukari-database-attempts": "database",
    "/usr/local/libexec/azukari-firewall-drift": "firewall",
    "/usr/local/libexec/azukari-principals": "ssh",
    "/usr/local/libexec/azukari-forget-log": "retention",
    "/usr/local/libexec/azukari-signature": "mail",
}
# Settings of packages that azukari's roles replace or remove on purpose; each has a check of its own safeguard.
OWN_SETTINGS = {
    "/etc/chrony/chrony.conf",
    "/etc/default/chrony",
    "/etc/default/ssh",
    "/etc/login.defs",
    "/etc/logrotate.d/nginx",
    "/etc/logrotate.d/squid",
    "/etc/nftables.conf",
    "/etc/nginx/nginx.conf",
    "/etc/nginx/sites-available/default",
    "/etc/opendkim.conf",
    "/etc/pam.d/login",
    "/etc/pam.d/sshd",
    "/etc/pam.d/su",
    "/etc/pam.d/sudo",
    "/etc/pam.d/sudo-i",
    "/etc/squid/conf.d/debian.conf",
    "/etc/squid/squid.conf",
    "/etc/ssh/sshd_config",
    "/etc/sudoers",
    "/etc/sudoers.d/README",
    "/etc/unbound/unbound.conf",
}
# The audit's own program is kept out of these, so that dpkg cannot see what lies there.
HIDDEN = ("/var/spool/postfix/",)
# A person's own home may hold the person's own scripts; nothing there is run by anybody else.
HOMES = re.compile(r"^/home/[^/]+/")
# What azukari keeps to undo a confirmed change, and what it has set aside: root's alone, run by nobody.
KEPT = ("/var/lib/azukari/rollback/", "/var/lib/azukari/quarantine/")
TEXT_THAT_IS_MARKED = {"/etc/hostname", "/etc/resolv.conf"}  # some images mark these executable; nobody runs them


def altered(package_files, own_settings):
    """Return a sentence for each file that is not as its package brought it.

    Args:
        package_files: what dpkg --verify finds.
        own_settings: the settings that azukari's roles own; None leaves out all settings.
    """
    found = []
    for one in package_files:
        if one["configuration"] and (own_settings is None or one["path"] in own_settings):
            continue
        if one["what"] == "missing" and one["path"].startswith(HIDDEN):
            continue
        if one["what"] != "metadata":
            found.append(
                f"{one['path']} is {'missing' if one['what'] == 'missing' else 'not what its package brought'}"
            )
    return found


def foreign(programs, promised):
    """Return a sentence for each program that neither a package nor azukari brought, or that is not azukari's own text.

    Args:
        programs: executable files outside packages, each with path and sha256.
        promised: {path: sha256} of azukari's own programs.
    """
    found = []
    for one in programs:
        path = one["path"]
        if HOMES.match(path) or path.startswith(KEPT) or path in TEXT_THAT_IS_MARKED:
            continue
        if path not in promised:
            found.append(f"{path} ({one['mode']} {one['owner']}) comes from no package")
        elif one["sha256"] != promised[path]:
            found.append(f"{path} is not the program that this azukari carries")
    return found


def own_programs():
    """Return {path: sha256} of the programs that this azukari carries."""
    carried = {path: content("roles") / role / "files" / path.lstrip("/") for path, role in OWN_PROGRAMS.items()}
    return {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in carried.items() if file.is_file()}


def undeclared_origins(packages, mirrors):
    """Return a sentence for each installed package that no declared source offers in that version."""
    found = []
    for name, one in sorted(packages.items()):
        if one["state"] == "rc":  # removed; only its settings are left
            continue
        if one["state"] not in {"ii", "hi"}:  # held ones are installed too; that they are held is LEAK-30's matter
            found.append(f"{name} is only half installed ({one['state']})")
        elif not any(part.rstrip("/") in mirrors for origin in one["origins"] for part in origin.split()):
            found.append(f"{name} {one['version']} is in no declared source")
    return found


@check("DEST-08", sections=["package_files"], host_level=True)
def test_files_are_what_packages_brought(host, site):
    """No installed file was replaced or lost since its package brought it."""
    found = altered(host.facts["package_files"], OWN_SETTINGS if site else None)
    assert not found, f"{'; '.join(found)}. Where to look: dpkg --verify on {host.name}."
    return "dpkg --verify finds nothing that azukari does not own"


@check("DEST-08", sections=["walk", "files"])
def test_no_program_comes_from_elsewhere(host):
    """Every program comes from a package or is azukari's own, and nothing is loaded into all of them."""
    walk = host.facts["walk"]
    if not walk["counted"]:
        not_evaluated("the walk over the disks saw nothing")
    found = foreign(walk["foreign_programs"], own_programs())
    if host.facts["files"].get("/etc/ld.so.preload") is not None:
        found.append("/etc/ld.so.preload exists: what it names is loaded into every program")
    assert not found, f"{'; '.join(found)}. Where to look: these paths on {host.name}."
    return f"{len(walk['foreign_programs'])} programs outside packages, all azukari's own"


@check("DEST-08", sections=["packages"])
def test_packages_come_from_declared_origins(host, site):
    """Every installed package is offered, in that version, by a declared source."""
    packages = host.facts["packages"]
    if not any(one["origins"] for one in packages.values()):
        not_evaluated("apt has no package lists, so the origin of no package is known; run apt-get update")
    if site.upstream is None:
        not_evaluated("the site has no upstream.yml that would say where packages come from")
    mirrors = {str(uri).rstrip("/") for uri in (site.upstream.mirror, site.upstream.security_mirror)}
    found = undeclared_origins(packages, mirrors)
    assert not found, f"{'; '.join(found)}. Where to look: apt-cache policy PACKAGE on {host.name}."
    return f"{len(packages)} packages, all from {', '.join(sorted(mirrors))}"


# --- DEST-10 ----------------------------------------------------------------------------------------------------------

PLAN_NO_OLDER = timedelta(hours=26)  # daily, with two hours to be late


@collector(scope="site")
def plans(site):
    """The signed plans of the last days, newest first, each with what the signature says of it."""
    found = []
    for one in evidence.listed(site, "plan")[:10]:
        fault = evidence.fault_of(one, site.path / site.contract.contractor.evidence_key)
        results = {} if fault else one.results
        found.append({
            "name": one.name, "fault": fault, "site": "" if fault else one.site_digest,
            "ended": "" if fault else one.ended.isoformat(),
            **{key: results.get(key, []) for key in ("hosts", "changes", "new", "whole", "left")},
        })  # fmt: skip
    return found


def judge_age(plans, digest, now):
    """Fail unless the newest whole plan is signed, of this declaration, and made within the day.

    Args:
        plans: as `plans` collects them.
        digest: SHA-256 of the site as declared now.
        now: with its time zone.
    """
    broken = [f"{one['name']}: {one['fault']}" for one in plans if one["fault"]]
    assert not broken, f"a plan is not what was signed: {'; '.join(broken)}."
    whole = [one for one in plans if one["whole"]]
    assert whole, (
        "nobody has made a plan; run `azukari plan` daily (one with --limit, --tags or --domain does not count)."
    )
    newest = whole[0]
    age = now - datetime.fromisoformat(newest["ended"])
    assert age <= PLAN_NO_OLDER, (
        f"the newest plan ({newest['name']}) is {age.total_seconds() / 3600:.0f} h old; promised is one in 26 h. "
        "Run `azukari plan`."
    )
    assert newest["site"] == digest, (
        f"the newest plan ({newest['name']}) was made for another declaration of this site; run `azukari plan`."
    )
    return f"{newest['name']}, {age.total_seconds() / 3600:.1f} h old"


def judge_drift(name, plans, now):
    """Fail unless the newest whole plan that asked a host shows no change there.

    Args:
        name: the host.
        plans: as `plans` collects them.
        now: with its time zone.
    """
    asked = [one for one in plans if name in one["hosts"] and one["whole"]]
    assert asked, (
        f"no signed plan has asked {name}; run `azukari plan` (one with --limit, --tags or --domain does not count)."
    )
    newest = asked[0]
    age = now - datetime.fromisoformat(newest["ended"])
    assert age <= PLAN_NO_OLDER, (
        f"the newest plan that asked {name} ({newest['name']}) is {age.total_seconds() / 3600:.0f} h old; "
        "promised is one in 26 h. Run `azukari plan`."
    )
    assert name not in newest["new"], (
        f"{name} was freshly installed or cut short at the newest plan; run `azukari apply`."
    )
    changes = [one["task"] for one in newest["changes"] if one["host"] == name]
    fail_unless_equal(
        found=set(changes), promised=set(), where=f"azukari plan --limit {name} --diff", what=f"drift of {name}"
    )
    return f"{newest['name']} shows no change"


def nobody_here(run, plans):
    """Leave it to the contractor where no plan is at hand: they are kept, and handed over, by whoever made them."""
    if not plans and run.judged_as == "auditor":
        not_evaluated("no plan is at hand here: the contractor keeps them, and hands them over as evidence")


@check("DEST-10", hosts="site", collect=[plans])
def test_a_plan_is_made_daily(site, run, plans):
    """The newest signed plan is of this declaration, and not older than 26 hours."""
    nobody_here(run, plans)
    return judge_age(plans, site.digest(), run.now)


@check("DEST-10", collect=[plans])
def test_no_drift(host, run, plans):
    """The newest signed plan shows no change on the host."""
    nobody_here(run, plans)
    return judge_drift(host.name, plans, run.now)
