"""The judges of LEAK-05, with attempts as the program makes them, and with settings recorded on a lab host."""

import copy
import dataclasses
import re
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotApplicable, NotEvaluated
from azukari.verify.inner_connections import MUTUAL
from azukari.verify.nginx_words import settings
from checks import test_pki_inside as judged

# --- how each flow is protected ---------------------------------------------------------------------------------------


def with_flow(site, **changed):
    """The site with one flow more, as `site.resolved_flows` splits it."""
    web = next(flow for flow in site.resolved_flows if (flow.source_name, flow.to_name) == ("web", "app"))
    more = dataclasses.replace(web, **changed)
    return SimpleNamespace(hosts=site.hosts, resolved_flows=[*site.resolved_flows, more])


def test_the_labs_flows_are_all_protected(lab_site):
    assert judged.test_each_inner_flow_is_protected(lab_site) == "mutual TLS at 5432, 8443, else protocols' own"


@pytest.mark.parametrize(
    "changed", [{"port": 8080}, {"port": 8443, "protocol": "udp"}, {"port": 22, "protocol": "udp"}]
)
def test_a_flow_of_which_nobody_knows_how_it_is_protected(lab_site, changed):
    with pytest.raises(AssertionError, match=rf"web to app, {changed.get('protocol', 'tcp')} port {changed['port']}"):
        judged.test_each_inner_flow_is_protected(with_flow(lab_site, **changed))


def test_who_comes_from_outside_is_not_inside(lab_site):
    judged.test_each_inner_flow_is_protected(with_flow(lab_site, source_name="visitors", port=8080))


# --- the servers refuse -----------------------------------------------------------------------------------------------

ADDRESSES = {"app": ["198.18.64.12", "2001:2:0:64::12"], "db": ["198.18.64.13", "2001:2:0:64::13"]}
SOURCE = {"app": ("web",), "db": ("app", "mail")}
ALERT = "sslv3 alert certificate expired"


def refused(source, to, address, way):
    server = "" if way in ("without TLS", "with TLS 1.2") else "proven"
    return {"from": source, "to": to, "address": address, "way": way, "reached": "yes", "server": server,
            "answer": "", "said": ALERT}  # fmt: skip


@pytest.fixture
def tried():
    found = [
        refused(source, to, address, way)
        for to, speaks in (("app", "http"), ("db", "postgres"))
        for source in SOURCE[to]
        for address in ADDRESSES[to]
        for way in sorted(judged.WAYS[speaks])
    ]
    for one in found:
        if one["way"] == "other-host":
            one.update(answer="HTTP/1.1 403 Forbidden", said="")
    return {"tries": found, "errors": []}


def judge(tried, site, name="app"):
    host = SimpleNamespace(name=name, declared=site.hosts[name])
    return judged.test_strangers_are_refused_inside(host, site, tried)


def test_everything_was_refused(tried, lab_site):
    assert judge(tried, lab_site) == "12 connections by 6 ways, all refused"
    assert judge(tried, lab_site, "db") == "20 connections by 5 ways, all refused"


def one_of(tried, to, way):
    return next(one for one in tried["tries"] if (one["to"], one["way"]) == (to, way))


ANSWERS = {
    "no TLS is needed": ("app", "without TLS", "HTTP/1.1 404 Not Found"),
    "something else speaks there": ("app", "without TLS", "b'+OK ready'"),
    "no certificate is asked for": ("app", "without a certificate", "HTTP/1.1 403 Forbidden"),
    "an old certificate is taken": ("app", "expired", "HTTP/1.1 200 OK"),
    "any CA is taken": ("app", "unknown-ca", "HTTP/1.1 403 Forbidden"),
    "any host is served": ("app", "other-host", "HTTP/1.1 200 OK"),
    "any host is told that there is nothing": ("app", "other-host", "HTTP/1.1 404 Not Found"),
    "a password over a line that all can read": ("db", "without TLS", "it lets the role in, or asks for its password"),
    "the database does without TLS": ("db", "expired", "it does without TLS"),
}


@pytest.mark.parametrize(("to", "way", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_any_answer_is_one_too_many(tried, lab_site, to, way, answer):
    one_of(tried, to, way).update(answer=answer, said="")
    with pytest.raises(AssertionError, match=rf"answered: {way}, from {SOURCE[to][0]} to .*: {re.escape(answer)}"):
        judge(tried, lab_site, to)
    other = "db" if to == "app" else "app"
    assert judge(tried, lab_site, other).endswith("all refused")


def test_an_answer_is_found_though_the_rest_proves_nothing(tried, lab_site):
    for one in tried["tries"]:
        one.update(server="", said="")
    one_of(tried, "app", "without TLS").update(answer="HTTP/1.1 200 OK")
    with pytest.raises(AssertionError, match="without TLS"):
        judge(tried, lab_site)


def drop(way):
    return lambda found: found["tries"].remove(one_of(found, "app", way))


def everywhere(**changed):
    return lambda found: [one.update(changed) for one in found["tries"] if one["to"] == "app"]


PROVES_NOTHING = {
    "nobody was there": (everywhere(reached="connection refused"), "no connection, connection refused"),
    "one was not there": (
        lambda f: one_of(f, "app", "expired").update(reached="timed out"),
        "no connection, timed out",
    ),
    "somebody else was": (everywhere(server="certificate has expired", said=""), "did not prove itself"),
    "nobody said who": (everywhere(server=""), "did not prove itself"),
    "it was silent": (lambda f: one_of(f, "app", "expired").update(said=""), "expired, from web to 198.*: silence"),
    "one way was left out": (drop("expired"), "198.18.64.12, not tried: expired"),
    "an address was left out": (
        lambda f: f["tries"].__setitem__(slice(None), [o for o in f["tries"] if ":" not in o["address"]]),
        "not tried from web: 2001:2:0:64::12",
    ),
    "nothing was tried": (lambda f: f["tries"].clear(), "not tried from web: 198.18.64.12"),
    "no decoys": (lambda f: f["errors"].append(["web", "app", "The TLS decoys are too old"]), "decoys are too old"),
}


@pytest.mark.parametrize(("change", "said"), PROVES_NOTHING.values(), ids=PROVES_NOTHING)
def test_a_refusal_that_proves_nothing(tried, lab_site, change, said):
    change(tried)
    with pytest.raises(NotEvaluated, match=said):
        judge(tried, lab_site)


def test_a_host_to_which_nobody_connects(tried, lab_site):
    alone = SimpleNamespace(hosts=lab_site.hosts, resolved_flows=[f for f in lab_site.resolved_flows if f.port == 22])
    with pytest.raises(NotApplicable):
        judge(tried, alone)


def test_every_mutual_port_has_its_ways():
    assert set(MUTUAL.values()) == set(judged.WAYS)


# --- the clients verify names -----------------------------------------------------------------------------------------

HOSTS = {"intake": SimpleNamespace(name="app"), "letters": SimpleNamespace(name="mail")}
BEGIN = 'connection failed: connection to server at "127.0.0.1", port 40317 failed: '


@pytest.fixture(params=sorted(HOSTS))
def role(request):
    return request.param


@pytest.fixture
def met(role):
    return {
        "role": role,
        "usual": "done",
        "own": "done",
        "connections": {judged.OTHER_NAME: f'FATAL:  password authentication failed for user "{role}"'},
        "impostors": {
            "without TLS": {"heard": False, "said": BEGIN + "server does not support SSL, but SSL was required"},
            "with a certificate of an unknown CA": {
                "heard": False,
                "said": BEGIN + "SSL error: certificate verify failed",
            },
            "with a certificate of the right CA in another name": {
                "heard": False,
                "said": BEGIN + f'server certificate for "{HOSTS[role].name}" does not match host name "db"',
            },
        },
    }


def services(role, site, found):
    return judged.test_services_know_their_database(HOSTS[role], site, found)


def test_services_know_their_database(role, lab_site, met):
    said = "3 impostors were told nothing; a certificate in another name was refused"
    assert services(role, lab_site, met) == said


WORDS = {"intake": ("the forms", "site/site.json"), "letters": ("the letters' service", "letters/letters.json")}


@pytest.mark.parametrize("what", sorted(judged.IMPOSTORS))
def test_a_service_spoke_to_an_impostor(role, lab_site, met, what):
    who, where = WORDS[role]
    met["impostors"][what] = {"heard": True, "said": "server closed the connection unexpectedly"}
    with pytest.raises(AssertionError, match=f"^{who} spoke to a server {what}: .*/etc/azukari/{where}"):
        services(role, lab_site, met)


def test_another_hosts_certificate_opens_the_database(role, lab_site, met):
    met["connections"][judged.OTHER_NAME] = "done"
    with pytest.raises(AssertionError, match="let in with the host's certificate"):
        services(role, lab_site, met)


def test_where_nobody_can_register_no_letters_service_comes(contact_site):
    with pytest.raises(NotApplicable, match="nobody can register"):
        services("letters", contact_site, {"error": "no such file"})


UNCLEAR = {
    "the service gets nowhere": (lambda f: f.update(own="timeout"), "the database is not reached by .*: timeout"),
    "nobody gets in": (lambda f: f.update(usual="timeout"), "does not get in: timeout"),
    "it says nothing of them": (lambda f: (f.pop("own"), f.pop("impostors")), "is not reached"),
    "another role tried": (lambda f: f.update(role="postgres"), "which is this host's role, but postgres"),
    "no impostor": (lambda f: f["impostors"].clear(), "not tried: with a certificate of an unknown CA"),
    "one was not met": (
        lambda f: f["impostors"]["without TLS"].update(said="connection timeout expired"),
        "without TLS: connection timeout expired",
    ),
    "the other end was not tried": (lambda f: f["connections"].clear(), "it is not clear"),
    "no answer": (lambda f: f.update(error="no answer"), "no answer"),
}


@pytest.mark.parametrize(("change", "said"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_says_nothing_of_a_service(role, lab_site, met, change, said):
    found = copy.deepcopy(met)
    change(found)
    with pytest.raises(NotEvaluated, match=said):
        services(role, lab_site, found)


# --- nginx ------------------------------------------------------------------------------------------------------------


class Recorded:
    """A host that answers as a lab's web server did, but for what a test changes."""

    name = "web"

    def __init__(self, answers, change=None, newer=""):
        texts = {
            "nginx.conf": (answers / "nginx-web.conf").read_text(),
            "site.conf": (answers / "nginx-web-site.conf").read_text(),
        }
        for file, old, new in change or ():
            assert old in texts[file], old
            texts[file] = texts[file].replace(old, new, 1)
        self.said = {"cat /etc/nginx/nginx.conf": texts["nginx.conf"], "find": newer}
        self.said["cat /etc/nginx/mime.types"] = f"types {{ text/html html; }}\n{texts['site.conf']}"

    def command(self, line):
        text = next(said for begin, said in self.said.items() if line.startswith(begin))
        return SimpleNamespace(exit_code=0, stdout=text, stderr="")


def nginx(answers, site, *change, newer=""):
    host = Recorded(answers, change, newer)
    return judged.test_nginx_knows_the_application(host, site, judged.handed_on(host))


def test_the_recorded_nginx_knows_the_application(answers, lab_site):
    assert nginx(answers, lab_site) == "4 places hand on, all to the application by mutual TLS"


SITE, MAIN = "site.conf", "nginx.conf"
LOCATION = "    location = /contact/received/ {\n"
VERIFY, SHOWN = "proxy_ssl_verify", "proxy_ssl_certificate"
OTHERWISE = {
    "verifies nothing": (SITE, f"{VERIFY} on;", f"{VERIFY} off;", f"“{VERIFY} off” in server"),
    "does not say so": (SITE, f"    {VERIFY} on;\n", "", f"{VERIFY} stands 0 times"),
    "verifies another name": (SITE, "proxy_ssl_name app;", "proxy_ssl_name db;", "“proxy_ssl_name db” in server"),
    "trusts another CA": (SITE, "/domain_ca.pem", "/ca.pem", "proxy_ssl_trusted_certificate /etc/azukari/tls/ca.pem"),
    "shows no certificate": (SITE, f"    {SHOWN} /etc/azukari/tls/host.pem;\n", "", f"{SHOWN} stands 0 times"),
    "speaks an old TLS": (SITE, "protocols TLSv1.3", "protocols TLSv1.2 TLSv1.3", "TLSv1.2 TLSv1.3” in server"),
    "has another say in one place": (
        SITE, LOCATION, f"{LOCATION}        {VERIFY} off;\n", "in location = /contact/received/ is not promised",
    ),
    "has another say for all": (MAIN, "ssl_session_tickets off;", f"{VERIFY} off;", f"{VERIFY} stands 2 times"),
    "speaks without TLS": (SITE, "https://app/contact/;", "http://app/contact/;", "“proxy_pass http://app/contact/”"),
    "hands on to somebody else": (SITE, "https://app/contact/;", "https://app2/contact/;", "https://app2/contact/"),
    "hands on otherwise": (SITE, "proxy_pass https://app/contact/;", "grpc_pass app:9000;", "“grpc_pass app:9000”"),
    "goes somewhere else": (SITE, ".12:8443", ".13:8443", "“server 198.18.64.13:8443” in upstream app"),
    "goes to another port": (SITE, ":8443;", ":8080;", "“server 198.18.64.12:8080” in upstream app"),
    "goes to two": (SITE, "keepalive 16;", "server 198.18.64.13:8443;", "“server 198.18.64.13:8443” in upstream app"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), OTHERWISE.values(), ids=OTHERWISE)
def test_nginx_that_connects_otherwise(answers, lab_site, file, old, new, said):
    with pytest.raises(AssertionError, match=re.escape(said)):
        nginx(answers, lab_site, (file, old, new))


def test_nginx_that_has_not_read_its_settings(answers, lab_site):
    with pytest.raises(AssertionError, match=r"site\.conf changed after nginx started"):
        nginx(answers, lab_site, newer="/etc/nginx/azukari/site.conf\n")


def test_where_there_is_no_application_nothing_is_handed_on(answers):
    found = settings((answers / "nginx-web-site.conf").read_text(), "http")
    assert any("hands on to somebody else" in one for one in judged.nginx_findings(found, None))
    assert judged.nginx_findings([], None) == []
