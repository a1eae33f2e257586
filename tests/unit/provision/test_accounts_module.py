"""The host's half of `azukari_accounts`: what it would do to the accounts of a host, and what it leaves alone."""

import pytest

from azukari.provision.ansible.modules.azukari_accounts import Wanted, accounts, left_behind, plan

USERS = """\
root:x:0:0:root:/root:/bin/bash
games:x:5:60:games:/usr/games:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
azukari-apply:x:995:995:azukari automation:/var/lib/azukari-apply:/bin/bash
tanaka:x:1000:1000:Tanaka Hanako:/home/tanaka:/bin/bash
"""
SHADOW = """\
root:*:20000:0:99999:7:::
games:*:20000:0:99999:7:::
nobody:*:20000:0:99999:7:::
azukari-apply:*:20000:0:99999:7:::
tanaka:*:20000:0:99999:7::24197:
"""
GROUP = "root:x:0:\nadm:x:4:\naudio:x:29:games\ntanaka:x:1000:\n"
TANAKA = Wanted("tanaka", "Tanaka Hanako", "/home/tanaka", "/bin/bash", "24197", person=True)
APPLY = Wanted("azukari-apply", "azukari automation", "/var/lib/azukari-apply", "/bin/bash", "", person=False)
WANTED = {"tanaka": TANAKA, "azukari-apply": APPLY}


def says(wanted=None, passwd=USERS, shadow=SHADOW, group=GROUP):
    steps, _extras, _closed = plan(WANTED if wanted is None else wanted, accounts(passwd, shadow, group))
    return [step.says for step in steps], [step.argv for step in steps]


def test_a_host_as_declared_is_left_alone():
    assert says() == ([], [])


def test_a_new_person():
    sato = Wanted("sato", "Sato Yuki", "/home/sato", "/bin/bash", "24197", person=True)
    said, (argv,) = says(WANTED | {"sato": sato})
    assert said == ["account sato made"]
    assert argv[:2] == ["useradd", "--create-home"]
    assert argv[argv.index("--password") + 1] == "*"
    assert argv[argv.index("--expiredate") + 1] == "24197"


def test_new_automation_is_a_system_account_without_a_home():
    audit = Wanted("azukari-audit", "azukari audit", "/", "/bin/sh", "", person=False)
    _said, (argv,) = says(WANTED | {"azukari-audit": audit})
    assert argv[:3] == ["useradd", "--system", "--no-create-home"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"passwd": USERS.replace("/home/tanaka:/bin/bash", "/home/tanaka:/bin/sh")}, "shell"),
        ({"passwd": USERS.replace("/home/tanaka:/bin/bash", "/tmp:/bin/bash")}, "home"),
        ({"shadow": SHADOW.replace("::24197:", ":::")}, "expiredate"),
        ({"shadow": SHADOW.replace("tanaka:*", "tanaka:$y$j9T$x")}, "password"),
        ({"shadow": SHADOW.replace("tanaka:*", "tanaka:")}, "password"),
        ({"group": GROUP.replace("adm:x:4:", "adm:x:4:tanaka")}, "groups"),
    ],
)
def test_a_declared_account_that_was_changed(change, said):
    assert says(**change)[0] == [f"account tanaka as declared ({said})"]


def test_somebody_whom_nobody_declares_is_closed_and_kept():
    added = {"passwd": USERS + "mallory:x:1001:1001::/home/mallory:/bin/bash\n"}
    added["shadow"] = SHADOW + "mallory:$y$j9T$x:20000:0:99999:7:::\n"
    said, (argv,) = says(**added)
    assert said == ["account mallory is not declared: closed, its home is kept"]
    assert argv[0] == "usermod"
    assert "--remove" not in argv
    steps, extras, closed = plan(WANTED, accounts(added["passwd"], added["shadow"], GROUP))
    assert [account.name for account in extras] == [account.name for account in closed] == ["mallory"]
    assert steps


def test_who_was_closed_stays_closed():
    passwd = USERS + "mallory:x:1001:1001::/home/mallory:/usr/sbin/nologin\n"
    shadow = SHADOW + "mallory:!*:20000:0:99999:7::1:\n"
    assert says(passwd=passwd, shadow=shadow) == ([], [])


def test_who_comes_back_is_opened_again():
    passwd = USERS.replace("/home/tanaka:/bin/bash", "/home/tanaka:/usr/sbin/nologin")
    shadow = SHADOW.replace("tanaka:*:20000:0:99999:7::24197:", "tanaka:!*:20000:0:99999:7::1:")
    assert says(passwd=passwd, shadow=shadow)[0] == ["account tanaka as declared (shell, expiredate, password)"]


def test_an_automation_account_that_is_not_declared_is_closed():
    passwd = USERS + "azukari-jump:x:994:994::/var/lib/azukari-jump:/bin/sh\n"
    assert says(passwd=passwd, shadow=SHADOW + "azukari-jump:*:20000:0:99999:7:::\n")[0] == [
        "account azukari-jump is not declared: closed, its home is kept"
    ]


def test_roots_password_is_locked():
    assert says(shadow=SHADOW.replace("root:*", "root:$y$j9T$x"))[1] == [["usermod", "--lock", "root"]]


def test_a_service_leaves_a_powerful_group_and_keeps_the_others():
    assert says(group=GROUP.replace("adm:x:4:", "adm:x:4:games"))[1] == [["gpasswd", "--delete", "games", "adm"]]


def test_a_person_with_the_name_of_a_service_is_refused():
    with pytest.raises(ValueError, match="declare another name"):
        says({"games": Wanted("games", "", "/home/games", "/bin/bash", "", person=True)})


def test_keys_beside_certificates_are_found(tmp_path):
    (tmp_path / "a" / ".ssh").mkdir(parents=True)
    (tmp_path / "a" / ".ssh" / "authorized_keys2").write_text("")
    (tmp_path / "a" / ".ssh" / "known_hosts").write_text("")
    assert left_behind({str(tmp_path / "a"), str(tmp_path / "missing")}, []) == [
        str(tmp_path / "a" / ".ssh" / "authorized_keys2")
    ]
