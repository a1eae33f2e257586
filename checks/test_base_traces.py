"""LEAK-23: nothing that visitors wrote is left behind: no core dumps, no open swap, no shared temporary files.

That logs repeat none of it is judged where logs are: in checks/test_site_collects.py and checks/test_database.py.
"""

import re

from azukari.evidence import drills
from azukari.verify import check, collector, not_applicable, not_evaluated
from azukari.verify.systemd import shown

# Whoever handles what visitors wrote, or their addresses.
SERVICES = {
    "web": ("nginx.service", "azukari-retention-web.service", "azukari-domains.service"),
    "app": ("azukari-site.service",),
    "db": ("postgresql@17-main.service", "azukari-retention-db.service"),
    "mail": ("postfix.service", "opendkim.service", "azukari-letters.service", "azukari-finder.service"),
}
SHOWN = "Id,LoadState,MainPID,LimitCORE,PrivateTmp,NeedDaemonReload"

# --- the canary drill -------------------------------------------------------------------------------------------------

DRILL = "canary"
SEARCHED = re.compile(r"^\d+ marks ")


@collector(scope="site")
def searches(site):
    """The newest signed canary drills, which looked for what visitors wrote in all files, logs and processes."""
    return drills.drills(site, DRILL)


@check("LEAK-23", proof="drill", hosts="site", collect=[searches])
def test_marks_were_left_nowhere(site, run, searches):
    """In the newest drill, what a visitor wrote was in no log, dump, temporary file or process, also after crashes."""
    return drills.newest_drill(site, run, searches, DRILL, SEARCHED)


# --- services ---------------------------------------------------------------------------------------------------------


@collector()
def dumping(host):
    """What systemd says of services about dumps and temporary files, and which limit their processes run with."""
    units = [unit for group in host.declared.groups for unit in SERVICES.get(group, ())]
    if not units:
        return {"units": {}, "limits": {}}
    found = shown(host, SHOWN, units)
    running = {name: one["MainPID"] for name, one in found.items() if one.get("MainPID", "0") != "0"}
    limits = {}
    for name, process in running.items():
        answer = host.command(["cat", f"/proc/{process}/limits"])
        if answer.exit_code:
            now = host.command(["systemctl", "show", "--property=MainPID", "--value", name], fresh=True)
            if now.exit_code == 0 and now.stdout.strip() != process:
                continue  # it ended meanwhile, as what runs only while it answers; the next has what systemd says
            not_evaluated(f"the limits of {name} cannot be read: {answer.stderr.strip()}")
        limits[name] = next((row.split()[4:6] for row in answer.stdout.splitlines() if row.startswith("Max core ")), [])
    return {"units": found, "limits": limits}


def dump_findings(units, limits):
    """Return a sentence for each service that could leave a copy of its memory, or temporary files, behind."""
    findings = []
    for name, one in sorted(units.items()):
        if one.get("LoadState") != "loaded":
            continue  # that it runs at all is another promise
        if one.get("LimitCORE") != "0":
            findings.append(f"{name} may leave core dumps (LimitCORE is {one.get('LimitCORE')})")
        if one.get("PrivateTmp") not in {"yes", "disconnected"}:
            findings.append(f"{name} shares /tmp with all others")
        if one.get("NeedDaemonReload") != "no":
            findings.append(f"{name} will be started otherwise than it was: systemd has not read its files yet")
    return findings + [
        f"{name} runs with a limit of core dumps of {' and '.join(said) or 'nothing'}"
        for name, said in sorted(limits.items())
        if said != ["0", "0"]
    ]


@check("LEAK-23", collect=[dumping])
def test_services_leave_nothing_behind(host, dumping):
    """A service that handles what visitors wrote leaves no core dump, and has temporary files of its own."""
    if not dumping["units"]:
        not_applicable("no service here handles what visitors wrote")
    findings = dump_findings(dumping["units"], dumping["limits"])
    where = f"systemctl show SERVICE, /proc/PID/limits on {host.name}"
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    return f"{len(dumping['units'])} services, {len(dumping['limits'])} of them running, none with a core dump"


# --- the kernel -------------------------------------------------------------------------------------------------------

HANDLER = "|/usr/lib/systemd/systemd-coredump "  # keeps nothing of a process whose limit is 0; systemd-coredump(8)


@collector()
def kernel_traces(host):
    """Where the kernel would put core dumps, and what it swaps to: {path or name: text}."""
    paths = ["/proc/sys/kernel/core_pattern", "/proc/sys/fs/suid_dumpable", "/proc/swaps"]
    found = {}
    for path in paths:
        answer = host.command(["cat", path])
        if answer.exit_code:
            not_evaluated(f"{path} cannot be read: {answer.stderr.strip()}")
        found[path.rpartition("/")[2]] = answer.stdout.strip()
    kinds = host.command(["grep", "-H", "", *(f"/sys/block/dm-{number}/dm/uuid" for number in range(8))])
    uuids = (line.partition(":") for line in kinds.stdout.splitlines())
    return {**found, "mapped": {f"/dev/{path.split('/')[3]}": uuid for path, _, uuid in uuids}}


def kernel_findings(found):
    """Return a sentence for each way in which the kernel would write memory to a disk in clear.

    Args:
        found: as collected; /proc/swaps calls what lies on dm-crypt by its device, /dev/dm-NUMBER.
    """
    pattern, findings = found["core_pattern"], []
    if pattern.startswith("|") and not pattern.startswith(HANDLER):
        findings.append(f"core dumps go to a program whatever their limit is: “{pattern}”")
    if found["suid_dumpable"] != "0":
        findings.append(f"set-uid programs may leave dumps: fs.suid_dumpable is {found['suid_dumpable']}")
    areas = [row.split()[0] for row in found["swaps"].splitlines()[1:] if row.split()]
    encrypted = {device for device, uuid in found["mapped"].items() if uuid.startswith("CRYPT-")}
    return findings + [f"{area} takes memory in clear: it is swapped to" for area in areas if area not in encrypted]


@check("LEAK-23", sections=["os"], collect=[kernel_traces])
def test_memory_stays_in_memory(host, kernel_traces):
    """The kernel hands core dumps to nobody, and swaps to nothing or to an encrypted device."""
    if host.facts["os"]["container"]:
        not_applicable("lab container: the kernel and its swap are the machine's own")
    findings = kernel_findings(kernel_traces)
    where = f"/proc/sys/kernel/core_pattern, sysctl fs.suid_dumpable, /proc/swaps on {host.name}"
    assert not findings, f"{'; '.join(findings)}. Where to look: {where}."
    return "no core dumps; swap is off or encrypted"
