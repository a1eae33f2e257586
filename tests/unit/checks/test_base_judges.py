"""Judges of base, with answers recorded on lab hosts and with bad ones."""

import copy
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotEvaluated
from checks import test_base as judged

USERS = [
    {
        "name": "root",
        "uid": 0,
        "shell": "/bin/bash",
        "password": "none",
        "home": "/root",
        "home_directory": {"path": "/root", "kind": "directory", "mode": "0700", "owner": "root", "group": "root"},
    },
    {
        "name": "sync",
        "uid": 4,
        "shell": "/bin/sync",
        "password": "none",
        "home": "/bin",
        "home_directory": {"path": "/bin", "kind": "link", "mode": "0777", "owner": "root", "group": "root"},
    },
    {
        "name": "games",
        "uid": 5,
        "shell": "/usr/sbin/nologin",
        "password": "none",
        "home": "/usr/games",
        "home_directory": {"path": "/usr/games", "kind": "directory", "mode": "0755", "owner": "root", "group": "root"},
    },
    {
        "name": "nobody",
        "uid": 65534,
        "shell": "/usr/sbin/nologin",
        "password": "none",
        "home": "/nonexistent",
        "home_directory": None,
    },
    {
        "name": "azukari-apply",
        "uid": 994,
        "shell": "/bin/bash",
        "password": "none",
        "home": "/var/lib/azukari-apply",
        "home_directory": {
            "path": "/var/lib/azukari-apply",
            "kind": "directory",
            "mode": "0700",
            "owner": "azukari-apply",
            "group": "azukari-apply",
        },
    },
    {
        "name": "tanaka",
        "uid": 1000,
        "shell": "/bin/bash",
        "password": "none",
        "home": "/home/tanaka",
        "home_directory": {
            "path": "/home/tanaka",
            "kind": "directory",
            "mode": "0700",
            "owner": "tanaka",
            "group": "tanaka",
        },
    },
]

WALK = {
    "counted": 12873,
    "setuid": [
        {"path": "/usr/bin/su", "kind": "file", "mode": "4755", "owner": "root", "group": "root"},
        {
            "path": "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
            "kind": "file",
            "mode": "4754",
            "owner": "root",
            "group": "messagebus",
        },
    ],
    "capabilities": [
        {
            "path": "/usr/lib/squid/pinger",
            "kind": "file",
            "mode": "0755",
            "owner": "root",
            "group": "root",
            "capability": "AQAAAgAgAAAAAAAAAAAAAAAAAAA=",
        }
    ],
    "world_writable": [
        {"path": "/tmp", "kind": "directory", "mode": "1777", "owner": "root", "group": "root"},
        {"path": "/run/systemd/notify", "kind": "socket", "mode": "0777", "owner": "root", "group": "root"},
    ],
    "acl": [
        {"path": "/var/log/journal", "kind": "directory", "mode": "2755", "owner": "root", "group": "systemd-journal"}
    ],
    "unowned": [],
    "devices": [
        {"path": path, "kind": "device", "mode": "0000", "owner": "root", "group": "root"}
        for path in ("/run/host/inaccessible/blk", "/run/user/0/systemd/inaccessible/chr")
    ],
    "closed": [],
}

MOUNTED = [
    {"target": "/", "type": "overlay", "options": ["relatime", "rw"]},
    {"target": "/tmp", "type": "tmpfs", "options": ["nodev", "noexec", "nosuid", "rw"]},
    {"target": "/dev/shm", "type": "tmpfs", "options": ["nodev", "noexec", "nosuid", "rw"]},
]


def host(**facts):
    return SimpleNamespace(name="web", facts=facts, declared=SimpleNamespace(groups=("web",)))


def with_user(name, **changed):
    users = copy.deepcopy(USERS)
    user = next(one for one in users if one["name"] == name)
    for key, value in changed.items():
        if key == "home_mode":
            user["home_directory"]["mode"] = value
        else:
            user[key] = value
    return users


def test_recorded_accounts_are_closed():
    assert "6 accounts" in judged.test_accounts_that_nobody_logs_in_to(host(users={"users": USERS}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "games", "shell": "/bin/bash"}, "the service account games has the shell /bin/bash"),
        ({"name": "games", "password": "yescrypt"}, "the service account games has a password"),
        ({"name": "nobody", "password": "empty"}, "nobody has an empty password"),
        ({"name": "tanaka", "password": "sha512"}, "tanaka has a password hashed with sha512"),
        ({"name": "tanaka", "password": "md5"}, "hashed with md5"),
        ({"name": "tanaka", "uid": 0}, "tanaka is a second account with uid 0"),
        ({"name": "tanaka", "home_mode": "0755"}, "/home/tanaka, home of tanaka, has mode 0755"),
        ({"name": "root", "home_mode": "0701"}, "/root, home of root, has mode 0701"),
    ],
)
def test_an_open_account_is_named(changed, said):
    with pytest.raises(AssertionError, match=said):
        judged.test_accounts_that_nobody_logs_in_to(host(users={"users": with_user(**changed)}))


@pytest.mark.parametrize(
    "changed", [{"name": "tanaka", "password": "yescrypt"}, {"name": "tanaka", "home_mode": "0750"}]
)
def test_a_lawful_account_stays_green(changed):
    assert judged.account_findings(with_user(**changed)) == []


def test_no_accounts_is_no_pass():
    with pytest.raises(NotEvaluated):
        judged.test_accounts_that_nobody_logs_in_to(host(users={"users": []}))


PAM = {
    "files": [
        {"path": "/etc/pam.d/common-session", "text": "session optional pam_umask.so"},
        {"path": "/etc/pam.d/common-session-noninteractive", "text": "session optional pam_umask.so"},
    ]
}


def test_umask_of_a_session_and_of_the_next_ones():
    good = {"session": "0027", "own_group": False, "settings": [["027"]]}
    own_group = {**good, "session": "0007", "own_group": True}
    for kept in (good, own_group):
        assert judged.test_new_files_are_closed(host(pam=PAM), kept)
    for bad in (
        {**good, "session": "0022"},
        {**good, "session": "0007"},
        {**own_group, "session": "0002"},
        {**good, "settings": [["022"]]},
        {**good, "settings": [["027"], ["022"]]},
    ):
        with pytest.raises(AssertionError):
            judged.test_new_files_are_closed(host(pam=PAM), bad)
    with pytest.raises(AssertionError, match="pam_umask"):
        judged.test_new_files_are_closed(host(pam={"files": PAM["files"][:1]}), good)


def test_recorded_walk_is_closed():
    assert judged.test_no_file_is_more_open_than_needed(host(walk=WALK, files={}), site=object())


@pytest.mark.parametrize(
    ("kind", "one", "said"),
    [
        (
            "setuid",
            {"path": "/var/tmp/.sh", "mode": "4755", "owner": "root", "group": "root"},
            "/var/tmp/.sh .* is set-uid",
        ),
        (
            "setuid",
            {"path": "/usr/bin/su", "mode": "6755", "owner": "root", "group": "root"},
            "/usr/bin/su .* is set-uid",
        ),
        ("capabilities", {"path": "/usr/bin/python3.13"}, "python3.13 carries file capabilities"),
        ("acl", {"path": "/etc/shadow", "mode": "0640", "owner": "root", "group": "shadow"}, "carries an access list"),
        (
            "world_writable",
            {"path": "/etc/x", "kind": "file", "mode": "0666", "owner": "root", "group": "root"},
            "can be written by everybody",
        ),
        (
            "world_writable",
            {"path": "/srv/x", "kind": "directory", "mode": "0777", "owner": "root", "group": "root"},
            "can be written by everybody",
        ),
        ("unowned", {"path": "/srv/x", "mode": "0644", "owner": "4711", "group": "4711"}, "belongs to nobody"),
        ("devices", {"path": "/srv/sda", "mode": "0600", "owner": "root", "group": "root"}, "a device outside /dev"),
    ],
)
def test_a_right_too_many_is_named(kind, one, said):
    walk = {**WALK, kind: [*WALK[kind], one]}
    with pytest.raises(AssertionError, match=said):
        judged.test_no_file_is_more_open_than_needed(host(walk=walk, files={}), site=object())


def owned(path, owner):
    return {**WALK, "unowned": [{"path": path, "mode": "0700", "owner": owner, "group": owner}]}


def test_the_state_of_a_service_belongs_to_its_user_while_it_runs():
    service = owned("/var/lib/private/azukari-letters", "62092")
    assert judged.test_no_file_is_more_open_than_needed(host(walk=service, files={}), site=object())
    for path, owner in (("/srv/x", "62092"), ("/var/lib/private/azukari-letters", "4711")):
        with pytest.raises(AssertionError, match="belongs to nobody"):
            judged.test_no_file_is_more_open_than_needed(host(walk=owned(path, owner), files={}), site=object())


def test_what_other_packages_bring_counts_only_for_a_lone_server():
    walk = {
        **WALK,
        "setuid": [*WALK["setuid"], {"path": "/usr/bin/pkexec", "mode": "4755", "owner": "root", "group": "root"}],
    }
    assert judged.test_no_file_is_more_open_than_needed(host(walk=walk, files={}), site=None)
    with pytest.raises(AssertionError, match="pkexec"):
        judged.test_no_file_is_more_open_than_needed(host(walk=walk, files={}), site=object())


def test_a_walk_that_saw_nothing_is_no_pass():
    with pytest.raises(NotEvaluated):
        judged.test_no_file_is_more_open_than_needed(host(walk={**WALK, "setuid": []}, files={}), site=None)


def test_sensitive_files():
    shadow = {"path": "/etc/shadow", "mode": "0640", "owner": "root", "group": "shadow"}
    assert judged.open_sensitive_files({"/etc/shadow": shadow, "/etc/gshadow": None}) == []
    assert judged.open_sensitive_files({"/etc/shadow": {**shadow, "mode": "0644"}}) == [
        "/etc/shadow (0644 root:shadow); promised is 0640 root:shadow"
    ]
    assert judged.open_sensitive_files({"/etc/shadow": {**shadow, "owner": "tanaka"}})


def test_mounts():
    assert judged.mount_findings(MOUNTED) == []
    above = {"target": "/tmp", "type": "tmpfs", "options": ["rw"]}
    assert judged.mount_findings([*MOUNTED, above]) == ["/tmp is mounted without nodev, noexec, nosuid"]
    assert judged.mount_findings(MOUNTED[:2]) == ["/dev/shm is no mount of its own"]


def test_exposure():
    own, acme = (SimpleNamespace(settings=SimpleNamespace(acme=one)) for one in (None, object()))
    judge = judged.test_services_are_sandboxed
    closed = {"chrony.service": 2.3, "nginx.service": 1.8, "azukari-retention-web.service": 1.1}
    assert judge(host(), own, closed)
    with pytest.raises(AssertionError, match=r"azukari-acme\.service is not loaded"):
        judge(host(), acme, closed)
    assert judge(host(), acme, closed | {"azukari-acme.service": 1.4, "azukari-acme-install.service": 2.0})
    with pytest.raises(AssertionError, match=r"chrony\.service has an exposure of 3\.5; the bound is 2\.5"):
        judge(host(), own, {**closed, "chrony.service": 3.5})
    with pytest.raises(AssertionError, match=r"nginx\.service is not loaded"):
        judge(host(), own, {"chrony.service": 2.3})
