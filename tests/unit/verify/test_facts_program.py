"""The facts program's own logic; what it answers on a server is judged in tests/lab."""

import types

import pytest

from azukari.verify import facts
from azukari.verify.authoring import NotEvaluated


@pytest.fixture
def program():
    module = types.ModuleType("azukari_facts")
    exec(compile(facts.program(), "azukari-facts", "exec"), module.__dict__)  # noqa: S102
    return module


PASSWORDS = {
    "": "empty",
    "*": "none",
    "!": "locked",
    "!!": "locked",
    "!*": "locked",
    "!$y$j9T$abc$def": "locked",
    "$y$j9T$abc$def": "yescrypt",
    "$6$salt$hash": "sha512",
    "$1$salt$hash": "md5",
    "$2b$12$abc": "bcrypt",
    "ab01FAX.bQRSU": "des",
}


@pytest.mark.parametrize(("field", "state"), PASSWORDS.items())
def test_of_a_password_only_its_state_is_told(program, field, state):
    assert program.password_state(field) == state


def test_a_section_that_fails_loses_no_other(program):
    program.SECTIONS.clear()
    program.SECTIONS |= {"good": lambda: 1, "bad": lambda: 1 / 0, "late": lambda: program.time.sleep(2)}
    program.DEADLINE_S = 0.2
    found = program.answer()["facts"]
    assert found["good"] == {"ok": True, "value": 1}
    assert found["bad"] == {"ok": False, "error": "ZeroDivisionError: division by zero"}
    assert found["late"] == {"ok": False, "error": "no answer within 0 s"}


def test_a_missing_program_is_an_error_and_not_an_empty_answer(program):
    with pytest.raises(program.Unanswered, match="nothing-of-this-name is not installed"):
        program.run("nothing-of-this-name")


def test_two_loads_of_the_same_rules_are_equal(program):
    def rule(handle, packets):
        return [
            {"metainfo": {"version": "1"}},
            {"rule": {"handle": handle, "expr": [{"counter": {"packets": packets, "bytes": 1}}, {"accept": None}]}},
        ]

    first, second = (program.without_handles(rule(*one)) for one in ((4, 0), (9, 77)))
    assert first == second == [{"rule": {"expr": [{"counter": {}}, {"accept": None}]}}]


MATCHES = {
    ("user", "root"): ("user", "root"),
    ("user", "!root,nobod*"): ("user", "nobody"),
    ("user", "deploy*"): ("user", "deployany"),
    ("address", "10.0.0.0/8"): ("addr", "10.0.0.1"),
    ("address", "192.0.2.7"): ("addr", "192.0.2.7"),
    ("address", "2001:db8::/64"): ("addr", "2001:db8::1"),
    ("localport", "2222"): ("lport", "2222"),
    ("group", "root"): ("user", "root"),
}


@pytest.mark.parametrize(("criterion", "example"), MATCHES.items(), ids=[" ".join(one) for one in MATCHES])
def test_each_match_block_gets_a_connection_that_it_matches(program, criterion, example):
    assert program.example_for(*criterion) == example


def test_socket_addresses_are_read_from_the_kernel_s_tables(program):
    assert program.plain_address("0100007F") == "127.0.0.1"
    assert program.plain_address("00000000000000000000000001000000") == "::1"


def test_answers_of_service_and_bus_are_merged_and_the_service_wins():
    service = '{"schema": 1, "facts": {"os": {"ok": true, "value": 1}, "units": {"ok": false, "error": "no bus"}}}'
    bus = '{"schema": 1, "facts": {"os": {"ok": true, "value": 2}, "units": {"ok": true, "value": 3}}}'
    found = facts.merge(service, bus)
    assert (found["os"], found["units"]) == (1, 3)
    assert found.asked == {"os", "units"}


@pytest.mark.parametrize("text", ["error: ConnectionRefusedError", "not json", "[]", '{"schema": 2, "facts": {}}'])
def test_an_answer_that_is_none_leaves_everything_not_evaluated(text):
    found = facts.merge(text, '{"schema": 1, "facts": {"units": {"ok": true, "value": 3}}}')
    assert found["units"] == 3
    with pytest.raises(NotEvaluated, match="the facts service"):
        found["sshd"]


POLICY = """openssl:
  Installed: 3.5.7-1
  Candidate: 3.5.9-1
  Version table:
     3.5.9-1 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
     3.5.8-1 500
        500 http://deb.debian.org/debian-security trixie-security/main amd64 Packages
 *** 3.5.7-1 100
        100 /var/lib/dpkg/status
own:
  Installed: 1.0
  Candidate: 1.0
  Version table:
 *** 1.0 100
        100 /var/lib/dpkg/status
"""


@pytest.fixture
def with_policy(program):
    installed = {
        "openssl": {"version": "3.5.7-1", "architecture": "amd64", "state": "hi", "source": "openssl"},
        "own": {"version": "1.0", "architecture": "all", "state": "ii", "source": "own"},
        "gone": {"version": "1.0", "architecture": "all", "state": "rc", "source": "gone"},
    }
    program.installed_packages = lambda: installed
    program.run = lambda *argv, **_: POLICY if argv[:2] == ("apt-cache", "policy") else ""
    return program


def test_a_pending_update_is_seen_also_when_it_is_held(with_policy):
    found = with_policy.apt()
    assert found["held"] == ["openssl"]
    assert found["upgrades"] == [
        {
            "name": "openssl",
            "installed": "3.5.7-1",
            "available": "3.5.9-1",
            "origin": "http://deb.debian.org/debian trixie/main amd64 Packages",
            "security": True,  # what stands between comes from the security archive
        }
    ]


def test_a_package_that_no_archive_has_is_without_origin(with_policy):
    found = with_policy.packages()
    assert found["own"]["origins"] == []
    assert found["gone"]["origins"] == []


def test_of_logs_their_metadata_alone_is_told(program, tmp_path):
    program.LOGS = str(tmp_path)
    assert program.logs() == []
    (tmp_path / "of the day").write_text("192.0.2.7\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "link").symlink_to("/etc/passwd")
    found = {one["path"].removeprefix(f"{tmp_path}/"): one for one in program.logs()}
    assert {path: one["kind"] for path, one in found.items()} == {
        "of the day": "regular file",
        "below/link": "symbolic link",
    }
    assert found["of the day"]["bytes"] == len("192.0.2.7\n")
    assert set(found["of the day"]) == {"path", "kind", "bytes", "born", "written"}


# As squid recorded them: let through, refused, broken, and one that went away before it had said anything.
RECORD = """\
{day} +0000 198.18.64.12 GET http://undeclared.example/x? 403 TCP_DENIED 1577
{day} +0000 198.18.64.12 CONNECT undeclared.example:443 403 TCP_DENIED 1577
{day} +0000 198.18.64.12 CONNECT [2001:db8::1]:443 403 TCP_DENIED 1567
{day} +0000 198.18.64.12 CONNECT deb.example.org:443 500 NONE_NONE 0
{day} +0000 198.18.64.12 GET http://let.example/some/path? 0 TCP_MISS_ABORTED 0
{day} +0000 198.18.64.12 GET http://user:pw@Let.example./ 502 TCP_MISS 1548
{day} +0000 198.18.64.12 HEAD http://deb.example.org/ 502 TCP_MISS 315
{day} +0000 198.18.64.12 garbage error:invalid-request 400 NONE_NONE 1533
{day} +0000 198.18.64.12 GET /x 400 NONE_NONE 1715
{day} +0000 198.18.64.12 OPTIONS http://:80* 501 NONE_NONE 1528
{day} +0000 198.18.64.12 - error:transaction-end-before-headers 0 NONE_NONE 0
no line at all
"""


@pytest.fixture
def record(program, tmp_path, monkeypatch):
    monkeypatch.setattr(program, "installed", lambda _name: True)
    monkeypatch.setattr(program, "RECORD", (str(tmp_path / "access.log.1"), str(tmp_path / "access.log")))

    def written(text, name="access.log", age=60):
        day = program.time.strftime("%d/%b/%Y:%H:%M:%S", program.time.gmtime(program.time.time() - age))
        (tmp_path / name).write_text(text.format(day=day))

    return written


def test_of_the_proxys_record_only_who_what_and_whether_is_told(program, record):
    record(RECORD)
    found = program.proxy()
    assert {(one["name"], one["through"], one["refused"]) for one in found["asked"]} == {
        ("undeclared.example:80", 0, 1),
        ("undeclared.example:443", 0, 1),
        ("2001:db8::1:443", 0, 1),
        ("deb.example.org:443", 0, 1),
        ("let.example:80", 2, 0),
        ("deb.example.org:80", 1, 0),
    }
    assert {one["client"] for one in found["asked"]} == {"198.18.64.12"}
    assert set().union(*found["asked"]) == {"client", "name", "through", "refused", "newest"}
    assert (found["installed"], found["hours"], found["cut"]) == (True, 24, False)
    assert "path" not in str(found)
    assert "pw" not in str(found)


def test_the_record_reaches_back_a_day_over_its_rotation_and_no_further(program, record):
    record(RECORD, "access.log.1", age=23 * 3600)
    record("")
    assert len(program.proxy()["asked"]) == 6
    record(RECORD, "access.log.1", age=25 * 3600)
    assert program.proxy()["asked"] == []


@pytest.mark.parametrize(("limit", "value"), [("RECORD_BYTES", 200), ("RECORD_NAMES", 3)])
def test_a_record_that_is_not_read_whole_says_so(program, record, monkeypatch, limit, value):
    monkeypatch.setattr(program, limit, value)
    record(RECORD)
    assert program.proxy()["cut"]


def test_a_proxy_without_a_record_is_an_error(program, record):
    with pytest.raises(program.Unanswered, match="is missing"):
        program.proxy()
