"""The program that counts visitors by internet domain, with a name server of its own: who counts, what is kept."""

import datetime
import ipaddress
import json
import os
import socketserver
import sys
import threading
import types
import zoneinfo

import dns.message
import dns.rcode
import dns.reversename
import dns.rrset
import pytest

from azukari.content import content
from checks import test_web_domains as judged

TOKYO = zoneinfo.ZoneInfo("Asia/Tokyo")
DAY, TODAY = datetime.date(2026, 11, 26), datetime.date(2026, 11, 27)
LEAST = 3
# The list's own words, with a rule of each kind, and of its second part the rule that must not count.
SUFFIXES = """\
// ===BEGIN ICANN DOMAINS===
// jp : https://www.iana.org/domains/root/db/jp.html
jp
go.jp
co.jp
*.kawasaki.jp
!city.kawasaki.jp
com
香港
// ===END ICANN DOMAINS===
// ===BEGIN PRIVATE DOMAINS===
*.compute.amazonaws.com
// ===END PRIVATE DOMAINS===
"""


def program_named(name):
    path = content("roles") / "web" / "files" / "usr" / "local" / "libexec" / name
    module = types.ModuleType(name.replace("-", "_"))
    exec(compile(path.read_text("utf-8"), name, "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def program(tmp_path, monkeypatch):
    module = program_named("azukari-count-domains")
    (tmp_path / "store").mkdir()
    (tmp_path / "suffixes").write_text(SUFFIXES)
    given = {"LOGS": f"{tmp_path}/access.log*", "STORE": f"{tmp_path}/store", "SUFFIXES": f"{tmp_path}/suffixes"}
    for name, value in {**given, "INTERVAL": 0, "PAUSE": 0.01, "PATIENCE": 1.0}.items():
        monkeypatch.setattr(module, name, value)
    return module


def line(address, time="2026-11-26T01:00:00+00:00", method="GET", status=200):
    return json.dumps({"time": time, "address": address, "method": method, "page": "/", "status": status, "visit": 0})


# --- who came ---------------------------------------------------------------------------------------------------------


def test_a_visitor_is_an_address_to_which_something_was_shown_on_that_day(program):
    lines = [
        *[line("192.0.2.1")] * 3, line("192.0.2.2", status=304), line("192.0.2.3", status=404),
        line("192.0.2.4", method="POST"), line("192.0.2.5", time="2026-11-26T15:00:00+00:00"),  # the next day in Tokyo
        line("192.0.2.6", time="2026-11-25T15:00:00+00:00"), line("a name"), "cut o", '{"time": 1}', "[]",
    ]  # fmt: skip
    found = program.visitors(lines, DAY, TOKYO)
    assert sorted(map(str, found)) == ["192.0.2.1", "192.0.2.2", "192.0.2.6"]


def test_of_ipv6_a_whole_64_is_one_visitor(program):
    lines = [line("2001:db8::1"), line("2001:db8::ffff:2"), line("2001:db8:0:1::1")]
    assert len(program.visitors(lines, DAY, TOKYO)) == 2


def test_what_is_shown_is_what_counts_as_an_access(program):
    assert program_named("azukari-count-log").SHOWN == program.SHOWN


def test_only_logs_that_were_written_since_are_opened(program, tmp_path):
    for name, day in (("access.log", 27), ("access.log-2026-11-26", 26), ("access.log-2026-11-25", 25)):
        (tmp_path / name).write_text(f"{name}\n")
        os.utime(tmp_path / name, (datetime.datetime(2026, 11, day, 12, tzinfo=TOKYO).timestamp(),) * 2)
    assert sorted(program.lines(DAY, TOKYO)) == ["access.log\n", "access.log-2026-11-26\n"]


# --- which domain a name is part of -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("pc7.kantei.go.jp.", "kantei.go.jp"),
        ("KD1.PPP-bb.Example.JP.", "example.jp"),
        ("a.b.shop.foo.kawasaki.jp.", "shop.foo.kawasaki.jp"),
        ("www.city.kawasaki.jp.", "city.kawasaki.jp"),
        ("ec2-192-0-2-7.ap-northeast-1.compute.amazonaws.com.", "amazonaws.com"),  # else the address would stand in it
        ("a.example.xn--j6w193g.", "example.xn--j6w193g"),
        ("host.reader.test.", "reader.test"),  # of no rule: what stands below the last label
        ("7.2.0.192.in-addr.arpa.", "in-addr.arpa"),
        ("go.jp.", "unknown"),
        ("jp.", "unknown"),
        ("foo.kawasaki.jp.", "unknown"),
        (".", "unknown"),
        ("192.0.2.7.", "unknown"),
        ("a_b.example.jp.", "unknown"),
        ("-a.example.jp.", "unknown"),
        (f"{'a' * 64}.example.jp.", "unknown"),
        (f"{'a.' * 124}example.jp.", "unknown"),
        (r"<script>.example.jp.", "unknown"),
        (r"a\.b\032\010.example.jp.", "unknown"),
        ("例.example.jp.", "unknown"),
        ("a.example.jp\n.", "unknown"),
        ("\u212a.example.jp.", "unknown"),  # the Kelvin sign: a plain k in small letters
    ],
)
def test_the_registered_domain_alone_is_taken(program, name, domain):
    assert program.registered(name, program.public_suffixes(SUFFIXES)) == domain


def test_an_empty_list_counts_nobody(program):
    with pytest.raises(ValueError, match="no rules"):
        program.public_suffixes("")


# --- a name server ----------------------------------------------------------------------------------------------------


class Server(socketserver.ThreadingTCPServer):
    """Answers questions over TCP by {address: names, a code, or None for no answer}; remembers what was asked."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, names):
        super().__init__(("127.0.0.1", 0), Handler)
        self.names, self.asked, self.connections = names, [], 0


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        while len(size := self.rfile.read(2)) == 2:
            query = dns.message.from_wire(self.rfile.read(int.from_bytes(size, "big")))
            self.server.asked.append(query.question[0])
            said = self.server.names.get(dns.reversename.to_address(query.question[0].name), dns.rcode.NXDOMAIN)
            if said is None:
                return
            reply = said if isinstance(said, bytes) else self.answer(query, said)
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)

    def answer(self, query, said):
        reply = dns.message.make_response(query)
        if isinstance(said, int):
            reply.set_rcode(said)
            return reply.to_wire()
        asked = query.question[0].name
        for alias in said[:-1]:
            reply.answer.append(dns.rrset.from_text(asked, 60, "IN", "CNAME", alias))
            asked = dns.name.from_text(alias)
        reply.answer.append(dns.rrset.from_text(asked, 60, "IN", "PTR", *said[-1]))
        return reply.to_wire()


@pytest.fixture
def asking(program, monkeypatch):
    """Count visitors with a name server that knows these names; gives the counts and the server."""
    servers = []

    def asking(names, addresses=None):
        server = Server(names)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(program, "PORT", server.server_address[1])
        addresses = list(map(ipaddress.ip_address, addresses or names))
        return program.counted(addresses, ["127.0.0.1"], program.public_suffixes(SUFFIXES)), server

    yield asking
    for server in servers:
        server.shutdown()
        server.server_close()


def test_each_visitor_is_asked_for_once_over_one_connection_and_only_domains_are_remembered(asking):
    names = {f"192.0.2.{n}": [[f"pc{n}.kantei.go.jp."]] for n in range(1, 5)} | {"2001:db8::7": [["six.example.jp."]]}
    counts, server = asking(names)
    assert counts == {"kantei.go.jp": 4, "example.jp": 1}
    assert server.connections == 1
    assert [str(one.name) for one in server.asked[:1]] == ["1.2.0.192.in-addr.arpa."]
    assert len(server.asked) == 5
    assert {one.rdtype.name for one in server.asked} == {"PTR"}


def test_an_alias_is_followed_and_two_names_of_one_domain_are_one(asking):
    names = {
        "192.0.2.1": ["1.0-127.2.0.192.in-addr.arpa.", ["a.example.jp."]],  # RFC 2317
        "192.0.2.2": [["a.example.jp.", "b.example.jp."]],
        "192.0.2.3": [["a.example.jp.", "b.example.com."]],
    }
    assert asking(names)[0] == {"example.jp": 2, "unknown": 1}


def test_who_has_no_name_is_unknown_and_who_is_not_answered_for_was_not_looked_up(asking):
    names = {
        "192.0.2.1": dns.rcode.NXDOMAIN, "192.0.2.2": dns.rcode.SERVFAIL, "192.0.2.3": dns.rcode.REFUSED,
        "192.0.2.4": None, "192.0.2.5": b"\x00" * 9, "192.0.2.6": [[r"\000\255.example.jp."]],
        "192.0.2.7": [["a.example.jp."]],
    }  # fmt: skip
    assert asking(names)[0] == {"unknown": 2, "not_looked_up": 4, "example.jp": 1}


def test_an_answer_to_another_question_is_no_answer(asking):
    other = dns.message.make_response(dns.message.make_query("1.2.0.192.in-addr.arpa.", "PTR")).to_wire()
    assert asking({"192.0.2.1": other})[0] == {"not_looked_up": 1}


def test_an_answer_that_comes_late_is_not_taken_for_the_next(program, asking, monkeypatch):
    monkeypatch.setattr(program, "PATIENCE", 0.0)
    counts, server = asking({"192.0.2.1": [["a.example.jp."]], "192.0.2.2": [["a.example.com."]]})
    assert counts == {"not_looked_up": 2}
    assert server.connections in (0, 1, 2)


def test_questions_of_a_night_are_bounded(program, asking, monkeypatch):
    monkeypatch.setattr(program, "MOST", 2)
    counts, server = asking({f"192.0.2.{n}": [["a.example.jp."]] for n in range(1, 6)})
    assert (counts, len(server.asked)) == ({"example.jp": 2, "not_looked_up": 3}, 2)
    monkeypatch.setattr(program, "LONGEST", 0)
    counts, server = asking({f"192.0.2.{n}": [["a.example.jp."]] for n in range(1, 6)})
    assert (counts, len(server.asked)) == ({"not_looked_up": 5}, 0)


def test_without_a_resolver_nobody_was_looked_up(program, monkeypatch):
    monkeypatch.setattr(program, "PORT", 1)
    found = program.counted([ipaddress.ip_address("192.0.2.1")] * 4, ["127.0.0.1", "::1"], set())
    assert found == {"not_looked_up": 4}


# --- what is kept -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(program, monkeypatch, capsys):
    """Run the program on a day; gives what it printed."""

    class Clock(datetime.datetime):
        hour_now = 4

        @classmethod
        def now(cls, tz=None):
            return datetime.datetime(2026, 11, 27, cls.hour_now, tzinfo=tz)

    def run(verb, *servers, hour=4):
        Clock.hour_now = hour
        names = ("date", "time", "timedelta")
        told = types.SimpleNamespace(datetime=Clock, **{name: getattr(datetime, name) for name in names})
        monkeypatch.setattr(program, "datetime", told)
        monkeypatch.setattr(sys, "argv", ["azukari-count-domains", verb, str(LEAST), "90", "Asia/Tokyo", *servers])
        program.main()
        return capsys.readouterr().out

    return run


def stored(tmp_path):
    return {path.name: path.read_text() for path in (tmp_path / "store").iterdir()}


def test_a_day_is_counted_once_and_small_groups_are_not_kept(program, run, asking, tmp_path):
    domains = {"a.example.jp.": 3, "b.kantei.go.jp.": 2, "c.example.com.": 4}
    names = [name for name, number in domains.items() for _ in range(number)]
    known = {f"192.0.2.{n}": [[name]] for n, name in enumerate(names)} | {"192.0.2.99": 3}
    (tmp_path / "access.log").write_text("".join(f"{line(address)}\n" for address in known))
    asking(known, ["192.0.2.250"])  # a server that knows them
    assert run("count", "127.0.0.1").endswith("domains: 2026-11-26 is counted\n")
    kept = (
        '{"day": "2026-11-26", "domains": {"example.com": 4, "example.jp": 3}, "unknown": null, "not_looked_up": 0}\n'
    )
    assert stored(tmp_path) == {"2026-11-26.json": kept}
    assert judged.day_of(kept) == json.loads(kept)
    assert run("told") == kept
    (tmp_path / "access.log").write_text("")
    assert run("count", "127.0.0.1") == ""
    assert stored(tmp_path) == {"2026-11-26.json": kept}


def test_a_day_without_a_resolver_says_so(program, run, tmp_path):
    (tmp_path / "access.log").write_text("".join(f"{line(f'192.0.2.{n}')}\n" for n in range(5)))
    program.PORT = 1
    assert run("count", "127.0.0.1").endswith("domains: 2026-11-26 is counted, not whole\n")
    (text,) = stored(tmp_path).values()
    assert json.loads(text) == {"day": "2026-11-26", "domains": {}, "unknown": 0, "not_looked_up": 5}


GOOD = {"day": "2026-11-26", "domains": {"example.jp": 3}, "unknown": None, "not_looked_up": 0}


@pytest.mark.parametrize(
    ("name", "said", "good"),
    [
        ("2026-11-26.json", GOOD, True),
        ("2026-08-29.json", {**GOOD, "day": "2026-08-29"}, True),
        ("2026-08-28.json", {**GOOD, "day": "2026-08-28"}, False),  # 91 days
        ("2026-11-27.json", {**GOOD, "day": "2026-11-27"}, False),  # it is not over
        ("2026-11-25.json", GOOD, False),
        ("names", GOOD, False),
        ("2026-11-26.json", {**GOOD, "domains": {"example.jp": 2}}, False),
        ("2026-11-26.json", {**GOOD, "domains": {"example.jp": True}}, False),
        ("2026-11-26.json", {**GOOD, "domains": {"example.jp": "3"}}, False),
        ("2026-11-26.json", {**GOOD, "domains": {"192.0.2.7": 3}}, False),
        ("2026-11-26.json", {**GOOD, "domains": ["example.jp"]}, False),
        ("2026-11-26.json", {**GOOD, "unknown": 1}, False),
        ("2026-11-26.json", {**GOOD, "unknown": -1}, False),
        ("2026-11-26.json", {**GOOD, "names": {"192.0.2.7": "a.example.jp"}}, False),
        ("2026-11-26.json", [], False),
    ],
)
def test_what_is_no_count_of_a_kept_day_is_deleted_and_never_told(run, tmp_path, name, said, good):
    (tmp_path / "store" / name).write_text(f"{json.dumps(said)}\n")
    assert run("told") == (f"{json.dumps(said)}\n" if good else "")
    assert run("due") == ("" if good else "domains: 1 files that do not belong there\n")
    assert list(stored(tmp_path)) == [name]
    run("forget")
    assert list(stored(tmp_path)) == ([name] if good else [])


def test_what_the_night_will_delete_is_not_due_before_it_had_its_time(run, tmp_path):
    (tmp_path / "store" / "2026-08-28.json").write_text(f"{json.dumps({**GOOD, 'day': '2026-08-28'})}\n")
    assert run("due", hour=2) == ""
    assert run("told", hour=2) == ""
    assert run("due", hour=3) == "domains: 1 files that do not belong there\n"
    assert run("forget", hour=0) == "domains: 1 files that do not belong there\n"


def test_a_second_line_a_folder_and_a_link_do_not_belong_there_either(run, tmp_path):
    store = tmp_path / "store"
    (store / "2026-11-26.json").write_text(f"{json.dumps(GOOD)}\n192.0.2.7 a.example.jp\n")
    (store / "folder").mkdir()
    (store / "folder" / "2026-11-25.json").write_text(f"{json.dumps(GOOD)}\n")
    (tmp_path / "elsewhere").write_text(f"{json.dumps({**GOOD, 'day': '2026-11-24'})}\n")
    (store / "2026-11-24.json").symlink_to(tmp_path / "elsewhere")
    assert run("forget") == "domains: 3 files that do not belong there\n"
    assert stored(tmp_path) == {}
    assert (tmp_path / "elsewhere").exists()
