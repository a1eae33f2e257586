"""LEAK-30: security updates arrive at once, from declared sources only, and what runs is what was installed."""

from datetime import UTC, date, timedelta

from azukari.verify import check, collector, fail_unless_equal, not_evaluated

KEYRINGS = {"/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg"}
# The last day of security support (Debian's own for 13; its LTS team's for 12).
SUPPORTED_UNTIL = {"13": date(2028, 8, 9), "12": date(2028, 6, 30)}
LISTS_NO_OLDER = timedelta(hours=50)  # apt-daily runs twice a day, each time up to 12 h late; one may be missed
OVERDUE_AFTER = timedelta(hours=26)
WEAKENING = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
TRUE = {"yes", "true", "1"}
TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
ORIGINS = {  # unattended-upgrades installs from exactly these
    "origin=Debian,codename=${distro_codename},label=Debian",
    "origin=Debian,codename=${distro_codename}-updates,label=Debian",
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
}
SETTINGS = {
    "APT::Periodic::Enable": "1",
    "APT::Periodic::Update-Package-Lists": "1",
    "APT::Periodic::Unattended-Upgrade": "1",
    "Acquire::AllowInsecureRepositories": "false",
    "Acquire::AllowDowngradeToInsecureRepositories": "false",
    "Acquire::AllowWeakRepositories": "false",
    "APT::Get::AllowUnauthenticated": "false",
    "Acquire::Check-Valid-Until": "true",
}
MUST_BE_EMPTY = (
    "Unattended-Upgrade::Package-Blacklist",
    "Unattended-Upgrade::Package-Whitelist",
    "Unattended-Upgrade::Allowed-Origins",
)
# Sessions of people end by themselves; what they run is theirs.
SESSIONS = ("session-", "user@")


def promised_sources(upstream):
    """Return the declared sources as (URI, suite)."""
    mirror, security = str(upstream.mirror).rstrip("/"), str(upstream.security_mirror).rstrip("/")
    return {(mirror, "trixie"), (mirror, "trixie-updates"), (security, "trixie-security")}


def source_findings(sources):
    """Return a sentence for each source that apt would believe without Debian's own signature."""
    found = []
    for one in sources:
        options = {key.lower(): value for key, value in one["options"].items()}
        if options.get("enabled", "yes").lower() == "no":
            continue
        shown = f"{' '.join(one['uris'])} in {one['file']}"
        if options.get("signed-by") not in KEYRINGS:
            found.append(f"{shown} is not bound to Debian's keys (Signed-By)")
        found += [f"{shown} says {key}: yes" for key in WEAKENING if options.get(key, "no").lower() in TRUE]
        if options.get("check-valid-until", "yes").lower() == "no":
            found.append(f"{shown} accepts lists of any age")
    return found


def enabled_pairs(sources):
    """Return (URI, suite) of the sources that are in use."""
    return {
        (uri.rstrip("/"), suite)
        for one in sources
        for uri in one["uris"]
        for suite in one["suites"]
        if {key.lower(): value.lower() for key, value in one["options"].items()}.get("enabled", "yes") != "no"
    }


def setting_findings(config):
    """Return a sentence for each of apt's settings, as apt itself reads them, that would stop or weaken updates."""
    last = {key.lower(): value for key, value in config}
    found = [
        f"{key} is {last.get(key.lower(), 'not set')}; promised is {value}"
        for key, value in SETTINGS.items()
        if last.get(key.lower()) != value
    ]
    for prefix in MUST_BE_EMPTY:
        values = [value for key, value in config if key.lower().startswith(prefix.lower() + "::") and value]
        if values:
            found.append(f"{prefix} holds back {', '.join(values)}")
    origins = {
        value for key, value in config if key.lower().startswith("unattended-upgrade::origins-pattern::") and value
    }
    if origins != ORIGINS:
        found.append(
            f"unattended-upgrades installs from {', '.join(sorted(origins)) or 'nowhere'}; "
            "promised is Debian's release, updates and security"
        )
    return found


@collector()
def lists_fetched(host):
    """When apt last fetched its lists, in seconds since 1970: the lists' own times are those of their making."""
    answer = host.command(["stat", "-c", "%Y", "/var/lib/apt/lists/partial"])
    if answer.exit_code:
        not_evaluated(f"apt has never fetched package lists, so nobody knows what is pending: {answer.stderr.strip()}")
    return int(answer.stdout)


def pending_findings(apt, fetched, now):
    """Return a sentence for each security update that should be there by now.

    An update is overdue when it was already known at the last successful unattended run, or for more than a day.

    Args:
        apt: the facts of apt.
        fetched: when its lists were fetched, in seconds since 1970.
        now: with its time zone.
    """
    if not apt["releases"]:
        not_evaluated("apt has no package lists, so nobody knows what is pending; run apt-get update")
    found = []
    age = timedelta(seconds=now.timestamp() - fetched)
    if age > LISTS_NO_OLDER:
        found.append(f"package lists were last fetched {age.total_seconds() / 3600:.0f} h ago")
    pending = [f"{one['name']} {one['installed']} → {one['available']}" for one in apt["upgrades"] if one["security"]]
    ran_since = bool(apt["last_unattended"]) and apt["last_unattended"] > fetched
    if pending and (ran_since or age > OVERDUE_AFTER):
        found.append(f"security updates are overdue: {', '.join(pending)}")
    return found


@check("LEAK-30", sections=["apt"])
def test_packages_come_from_declared_sources(host, site):
    """apt believes the declared sources alone, each signed by Debian's own keys."""
    sources = host.facts["apt"]["sources"]
    if site.upstream is None:
        not_evaluated("the site has no upstream.yml that would say where packages come from")
    fail_unless_equal(
        found=enabled_pairs(sources),
        promised=promised_sources(site.upstream),
        where=f"/etc/apt/sources.list.d on {host.name}",
        what="package sources",
    )
    found = source_findings(sources)
    assert not found, f"{'; '.join(found)}. Where to look: /etc/apt/sources.list.d on {host.name}."
    return f"{len(sources)} declared sources"


@check("LEAK-30", sections=["apt"], collect=[lists_fetched], host_level=True)
def test_no_security_update_is_overdue(host, site, run, lists_fetched):
    """No security update is overdue, and nothing is held back or pinned."""
    apt = host.facts["apt"]
    found = pending_findings(apt, lists_fetched, run.now)
    if site is None and not apt["last_unattended"]:
        found += [
            f"{one['name']} {one['available']} is a pending security update"
            for one in apt["upgrades"]
            if one["security"]
        ]
    found += [f"{name} is held back" for name in apt["held"]]
    if site is not None:
        found += [f"{one['path']} pins packages" for one in apt["preferences"]]
    assert not found, (
        f"{'; '.join(found)}. Where to look: apt-get -s dist-upgrade and apt-mark showhold on {host.name}."
    )
    return f"{len(apt['upgrades'])} updates pending, none overdue"


@check("LEAK-30", sections=["apt", "units"])
def test_updates_are_alive(host):
    """Updates install themselves: apt's own settings as it reads them, and running timers."""
    found = setting_findings(host.facts["apt"]["config"])
    loaded, files = host.facts["units"]["loaded"], host.facts["units"]["files"]
    for timer in TIMERS:
        if loaded.get(timer, {}).get("ActiveState") != "active":
            found.append(f"{timer} does not run")
        if files.get(timer) != "enabled":
            found.append(f"{timer} is {files.get(timer, 'absent')}, so it will not run after a reboot")
    assert not found, f"{'; '.join(found)}. Where to look: apt-config dump and systemctl list-timers on {host.name}."
    return "both timers run, and nothing is left out"


@check("LEAK-30", sections=["os"], host_level=True)
def test_release_is_supported(host, run):
    """The release still gets security updates."""
    system = host.facts["os"]
    if system["id"] != "debian":
        raise AssertionError(
            f"{host.name} runs {system['id']} {system['version']}; azukari knows Debian's support dates only."
        )
    until = SUPPORTED_UNTIL.get(system["version"])
    assert until, f"Debian {system['version']} on {host.name} gets no security updates; promised is Debian 13."
    today = run.now.astimezone(UTC).date()
    assert today <= until, f"Debian {system['version']} lost its security support on {until}."
    return f"Debian {system['point_release']}, supported until {until}"


@check("LEAK-30", sections=["restarts"], host_level=True)
def test_nothing_runs_replaced_code(host):
    """No service still runs files that an update has replaced, and no reboot is owed."""
    found = restart_findings(host.facts["restarts"], host.facts["os"])
    assert not found, f"{'; '.join(found)}. Where to look: azukari-restart-owed --list on {host.name}."
    return "no restart is owed"


def restart_findings(restarts, system):
    """Return a sentence for each service that owes a restart, and for the machine."""
    owing = {
        one["unit"] or f"{one['process']} ({one['pid']})": one["replaced"][0]
        for one in restarts["processes"]
        if not (one["unit"] or "").startswith(SESSIONS)
    }
    found = [f"{unit} still runs the old {path}" for unit, path in sorted(owing.items())]
    if restarts["reboot_required"]:
        found.append("a reboot is owed (/run/reboot-required)")
    if restarts["kernels"] and not system["container"] and system["kernel"] not in restarts["kernels"][-1:]:
        found.append(f"kernel {system['kernel']} runs; installed is {restarts['kernels'][-1]}")
    return found
