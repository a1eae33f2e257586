"""USE-01's judges, with a lab's pages, settings of nginx and answers of systemd as recorded on 2026-11-26."""

import copy
import dataclasses
import json
from types import SimpleNamespace
from typing import ClassVar

import pytest

from azukari.verify.authoring import NotEvaluated
from azukari.verify.nginx_words import Setting, defined, settings, used
from azukari.verify.pages import Page
from checks import test_site_collects as judged

HOST = SimpleNamespace(name="web")
PLAIN = "<!doctype html><html lang=ja><p>404</p><a href='/'>home</a><a href='https://elsewhere.test/x'>out</a></html>"
LOGGED = "access_log /var/log/nginx/access.log azukari buffer=32k flush=1s"
FORMS = {"/contact/": "contact-ja.html", "/en/contact/": "contact-en.html"}


def reply(text, status=200, **headers):
    return {"status": status, "headers": dict(headers), "text": text, "sha256": ""}


@pytest.fixture
def visit(answers):
    shown = {path: reply((answers / name).read_text("utf-8")) for path, name in FORMS.items()}
    style = {"status": 200, "headers": {}, "sha256": ""}
    return {
        "pages": {url: reply(PLAIN) for url in ("/", "/en/", "/privacy/", "/en/privacy/")} | {"/assets/x.css": style},
        "forms": shown | {f"{path}received/": reply(PLAIN) for path in FORMS},
        "errors": {"a page that is not there": reply(PLAIN, 404)},
        "hidden": {"/.env": style},
        "homes": {"198.18.64.11": style},
        "redirects": {"198.18.64.11": style},
    }


def forms(site, visit):
    return judged.test_forms_ask_what_is_declared(HOST, site, visit)


def cookies(site, visit):
    return judged.test_only_declared_cookies_are_set(HOST, site, visit)


class TestForms:
    def test_recorded_forms_ask_what_is_declared(self, contact_site, visit):
        assert forms(contact_site, visit) == "2 forms ask the declared items; 7 other pages ask nothing"

    @pytest.mark.parametrize("judge", [forms, cookies])
    def test_without_a_visit_nothing_is_judged(self, contact_site, judge):
        with pytest.raises(NotEvaluated, match="no way"):
            judge(contact_site, {"error": "no way there"})

    CHANGES: ClassVar = {
        "a field": ("</form>", '<input name="phone"></form>', "fields of /en/contact/: found but not promised: phone"),
        "a field outside": ("</main>", '<textarea form="x" name="why"></textarea></main>', "not promised: why"),
        "a field without a name": ("</form>", "<input></form>", "fields of .* not promised: nothing"),
        "a field twice": ("</form>", '<input name="heading"></form>', "fields of /en/contact/: found"),
        "the first name counts": ('name="heading"', 'name="phone" name="heading"', "not promised: phone"),
        "a direction": ('name="heading"', 'name="heading" dirname="way"', "not promised: way"),
        "a picture": ("</form>", '<input type="image" name="at"></form>', "not promised: at"),
        "a button that says something": ('<button type="submit">', '<button name="how" value="1">', "promised: how"),
        "an item is gone": ('id="country" name="country"', 'id="country" name="heading"', "not found: country"),
        "filled in unseen": ('name="heading" type="text"', 'name="heading" type="HIDDEN"', "hidden .* heading"),
        "made required": ('name="heading"', 'name="heading" required', "required fields .* not promised: heading"),
        "no longer required": (" required aria", " aria", "required fields .* not found: comments"),
        "one choice more": ("</select>", '<option value="x">x</option></select>', "choices of .*gender is .* x"),
        "no way not to choose": ('<option value="">no answer</option>', "", "choices of /en/contact/: gender"),
        "an item as choices": (
            "</form>", '<select name="country"><option value="jp"></select></form>', "fields of /en/contact/"
        ),
        "sent elsewhere": ('action="/en/contact/"', 'action="https://x.test/"', "not promised: post to https://x.test"),
        "sent elsewhere by its button": (
            '<button type="submit">', '<button formaction="//x.test/">', "a button to //x.test/"
        ),
        "sent in the address": ('method="post"', 'method="get"', "not promised: get to /en/contact/"),
        "a second form": ("</main>", "<form></form></main>", "ways of sending .*get to"),
    }  # fmt: skip

    @pytest.mark.parametrize(("old", "new", "said"), CHANGES.values(), ids=CHANGES)
    def test_another_form_is_a_finding(self, contact_site, visit, old, new, said):
        text = visit["forms"]["/en/contact/"]["text"]
        assert old in text
        visit["forms"]["/en/contact/"]["text"] = text.replace(old, new, 1)
        with pytest.raises(AssertionError, match=said):
            forms(contact_site, visit)

    @pytest.mark.parametrize("kind", ["pages", "forms", "errors"])
    def test_a_form_on_any_other_page_is_a_finding(self, contact_site, visit, kind):
        path = {"pages": "/privacy/", "forms": "/contact/received/", "errors": "a page that is not there"}[kind]
        for more in ("<input name=q>", "<form></form>"):
            changed = copy.deepcopy(visit)
            changed[kind][path]["text"] += more
            with pytest.raises(AssertionError, match=f"{path} has a form that belongs to no collection"):
                forms(contact_site, changed)

    def test_a_declared_form_without_a_page_is_a_finding(self, contact_site, visit):
        visit["forms"]["/contact/"] = reply(PLAIN, 404)
        with pytest.raises(AssertionError, match="contact is declared, but has no form at /contact/"):
            forms(contact_site, visit)
        visit["forms"]["/contact/"] = reply(PLAIN)
        with pytest.raises(AssertionError, match="promised but not found"):
            forms(contact_site, visit)

    @pytest.mark.parametrize("status", [0, 429, 502, 503])
    def test_a_form_that_is_not_shown_now_is_not_judged(self, contact_site, visit, status):
        visit["forms"]["/contact/"] = reply("", status)
        with pytest.raises(NotEvaluated, match=str(status)):
            forms(contact_site, visit)

    def test_a_page_that_nobody_looked_at_is_a_finding(self, contact_site, visit):
        visit["pages"]["/"]["text"] += "<a href='survey/?x=1#y'>survey</a>"
        with pytest.raises(AssertionError, match="/ leads to /survey/"):
            forms(contact_site, visit)

    def test_a_link_with_a_query_or_another_name_of_the_site_is_none(self, contact_site, visit):
        visit["pages"]["/"]["text"] += "<a href='/?x=1'>q</a><a href='https://www.lab.test/privacy/#a'>p</a>"
        assert forms(contact_site, visit)


class TestCookies:
    def test_recorded_answers_set_none(self, contact_site, visit):
        assert cookies(contact_site, visit) == "cookies: none"

    def test_a_declared_one_may_be_set(self, contact_site, visit):
        visit["pages"]["/"]["headers"]["set-cookie"] = "visit=1; Secure; HttpOnly"
        assert cookies(contact_site, visit) == "cookies: visit"

    @pytest.mark.parametrize("kind", ["pages", "forms", "errors", "hidden", "homes", "redirects"])
    @pytest.mark.parametrize(
        ("line", "name"), [("id=1", "id"), ("visit=1\nid=2; Path=/", "id"), ("visit=1\nalone", ""), ("=x", "")]
    )
    def test_another_one_is_a_finding_whatever_sets_it(self, contact_site, visit, kind, line, name):
        next(iter(visit[kind].values()))["headers"]["set-cookie"] = line
        with pytest.raises(AssertionError, match=f"not declared: “{name}” set by "):
            cookies(contact_site, visit)


class Answering:
    """A host that answers `cat`, `find` and `systemctl` with what was recorded."""

    name = "web"

    def __init__(self, **by_word):
        self.by_word = by_word

    def command(self, argv):
        words = argv if isinstance(argv, str) else " ".join(argv)
        for key, said in self.by_word.items():
            if key in words:
                return SimpleNamespace(exit_code=int(said is None), stdout=said or "", stderr="denied" * (said is None))
        raise LookupError(words)


@pytest.fixture
def nginx(answers):
    def read(main="", site="", old="", new="", newer="", started=judged.NGINX_STARTED):
        texts = {
            "nginx.conf": (answers / "nginx-web.conf").read_text("utf-8") + main,
            "mime.types": "types { text/html html; }\n" + (answers / "nginx-web-site.conf").read_text("utf-8") + site,
        }
        if old:
            assert old in texts["nginx.conf"]
            texts["nginx.conf"] = texts["nginx.conf"].replace(old, new, 1)
        unit = "".join(f"{k}={v}\n" for k, v in started.items())
        unit = unit.replace("ExecStart=", "ExecStart={ path=/usr/sbin/nginx ; argv[]=").replace(
            "\n", " ; ignore_errors=no }\n", 1
        )
        return judged.log_settings(Answering(**texts, newer=newer, systemctl=unit))

    return read


def log(site, found):
    return judged.test_log_has_what_is_declared(HOST, site, json.loads(json.dumps(found)))


class TestLog:
    def test_recorded_settings_log_what_is_declared(self, contact_site, nginx):
        assert log(contact_site, nginx()) == "address, page, time and the outcome; error log from crit on"

    LAWFUL: ClassVar = {
        "less of the outcome": {"old": ',"tls":"$ssl_protocol"', "new": ""},
        "braces": {"old": "$remote_addr", "new": "${remote_addr}"},
        "fewer words": {"old": "error.log crit", "new": "error.log alert"},
        "no log of pictures": {"site": "server { location /assets/ { access_log off; } }"},
        "a comment": {"main": "# access_log /x combined;"},
    }

    @pytest.mark.parametrize("change", LAWFUL.values(), ids=LAWFUL)
    def test_what_logs_no_more_is_lawful(self, contact_site, nginx, change):
        assert log(contact_site, nginx(**change))

    CHANGES: ClassVar = {
        "user agent": ({"old": '"$ssl_protocol"', "new": '"$http_user_agent"'}, r"\$http_user_agent, which is not"),
        "in capitals": ({"old": '"$ssl_protocol"', "new": '"${HTTP_REFERER}"'}, r"\$http_referer, which is not"),
        "the query": ({"old": '"$page"', "new": '"$request_uri"'}, r"\$request_uri, .*; azukari does not write \$page"),
        "the query as the page": ({"old": '"~^(?<path>[^?]*)" $path;', "new": "default $request_uri;"}, "made other"),
        "also the query": ({"old": '"~^(?<path>[^?]*)" $path;', "new": '"~^(?<path>.*)" $path;'}, "made otherwise"),
        "another page for some": ({"site": 'map $uri $page { "~x" $args; }'}, "made otherwise: .*in map .uri .page"),
        "an agent as the version": (
            {"site": "map $http_user_agent $ssl_protocol { default $http_user_agent; }"}, "made otherwise"
        ),
        "the path by a location": ({"site": "server { location ~ ^/(?<path>.*) { } }"}, "made otherwise"),
        "set": ({"site": "server { set $Page $args; }"}, "made otherwise"),
        "another visit for some": ({"site": 'map $uri $visit { "~x" $args; }'}, "made otherwise: .*in map .uri .visit"),
        "a visit that says who": ({"old": "default 0;", "new": "default $cookie_visit;"}, "made otherwise"),
        "a visit by another cookie": ({"old": "$cookie_visit", "new": "$cookie_id"}, "made otherwise"),
        "a second log": ({"site": "server { access_log /var/log/x azukari; }"}, "a further log: .*/var/log/x"),
        "the format of old": ({"site": "server { access_log /var/log/nginx/access.log; }"}, "“combined”"),
        "no log": ({"old": f"{LOGGED};", "new": ""}, "without an access_log"),
        "off is no log": ({"old": LOGGED, "new": "access_log off"}, "without"),
        "a second format": ({"site": "log_format more '$remote_addr $time_iso8601 $page';"}, "several formats"),
        "a talking error log": ({"old": "error.log crit", "new": "error.log error"}, "repeats requests"),
        "one without a level": ({"site": "server { error_log /var/log/nginx/more.log; }"}, "repeats requests"),
        "no error log": ({"old": "error_log /var/log/nginx/error.log crit;", "new": ""}, "no error_log"),
        "a further file": ({"site": "include /opt/more.conf;"}, "files that nginx reads: .*/opt/more.conf"),
        "read later": ({"newer": "/etc/nginx/nginx.conf\n"}, "nginx.conf changed after nginx started"),
        "started with other words": (
            {"started": judged.NGINX_STARTED | {"ExecStart": "/usr/sbin/nginx -c /opt/n.conf"}}, "/opt/n.conf"
        ),
    }  # fmt: skip

    @pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
    def test_what_logs_more_is_a_finding(self, contact_site, nginx, change, said):
        with pytest.raises(AssertionError, match=said):
            log(contact_site, nginx(**change))

    REPEATS: ClassVar = ("user agent", "in capitals", "the query", "also the query", "set", "the format of old",
        "a talking error log", "one without a level", "another visit for some")  # fmt: skip

    @pytest.mark.parametrize("name", REPEATS)
    def test_what_repeats_requests_is_found_whatever_is_declared(self, contact_site, nginx, name):
        change, _ = self.CHANGES[name]
        with pytest.raises(AssertionError):
            judged.test_logs_repeat_no_request(HOST, contact_site, json.loads(json.dumps(nginx(**change))))

    def test_less_in_the_log_repeats_nothing(self, contact_site, nginx):
        for change in ({}, {"old": '"$remote_addr"', "new": '""'}, *self.LAWFUL.values()):
            found = json.loads(json.dumps(nginx(**change)))
            assert judged.test_logs_repeat_no_request(HOST, contact_site, found).startswith("addresses")

    def test_visits_are_not_logged_where_no_cookie_for_counting_is_declared(self, lab_site, nginx):
        policy = lab_site.policy.model_copy(update={"cookies": ()})
        with pytest.raises(AssertionError, match=r"writes \$visit, which is not declared; .* made otherwise"):
            log(dataclasses.replace(lab_site, policy=policy), nginx())

    def test_an_undeclared_item_is_a_finding(self, nginx):
        found = [Setting(tuple(within), tuple(words)) for within, words in nginx()["settings"]]
        assert judged.log_findings(found, {"time", "page"}, counted=True) == [
            "azukari writes $remote_addr, which is not declared"
        ]

    @pytest.mark.parametrize("bad", ["access_log", "}", "http {", "a 'b"])
    def test_settings_that_nginx_would_not_read_are_not_judged(self, nginx, bad):
        with pytest.raises(NotEvaluated, match="nginx's settings"):
            nginx(main=bad)

    def test_settings_that_cannot_be_read_are_not_judged(self):
        with pytest.raises(NotEvaluated, match="denied"):
            judged.log_settings(Answering(**{"nginx.conf": None, "mime.types": "", "newer": "", "systemctl": ""}))


class TestWordsOfNginx:
    def test_blocks_quotes_and_comments(self):
        text = """a "b;{" 'c\\'' ${d}e; # f;\nmap $x $y { ~^(?<z>\\d{1}) 1; "" 2; }\n"""
        assert settings('map $x $y { "q}" 1; }', "http")[1] == Setting(("http", "map $x $y"), ("q}", "1"))
        assert settings(text.replace("\\d{1}", "\\d"))[:2] == [
            Setting((), ("a", "b;{", "c\\'", "${d}e")), Setting((), ("map", "$x", "$y")),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("words", "made"),
        [
            ("map $a $B", {"b"}), ("geo $b", {"b"}), ("set $b $c", {"b"}), ("location ~ ^/(?<b>x)(?P<c>y)", {"b", "c"}),
            ("log_format x $b", set()),
        ],
    )  # fmt: skip
    def test_variables_that_are_made(self, words, made):
        assert defined(Setting((), tuple(words.split()))) == made

    def test_variables_that_are_used(self):
        assert used(("$a${B}-$c_d", "e")) == {"a", "b", "c_d"}


@pytest.fixture
def program(answers):
    carried = judged.carried_program()
    kinds = {path: "d" if said == "a folder" else "f" for path, said in carried.items()}
    digests = {path: digest for path, digest in carried.items() if kinds[path] == "f"}
    items = [
        {"name": "comments", "required": True},
        {"name": "heading", "required": False},
        {"name": "email", "required": False},
        {"name": "gender", "required": False, "choices": [{"name": one} for one in ("female", "male", "other")]},
        {"name": "country", "required": False, "choices": []},
    ]
    host = Answering(
        **{
            "-printf": "".join(f"{kind} 1795713558.0060248810 {path}\n" for path, kind in kinds.items()),
            "sha256sum": "".join(f"{digest}  {judged.PROGRAM}/{path}\n" for path, digest in digests.items()),
            "systemctl": (answers / "systemctl-app-forms.txt").read_text("utf-8"),
            "site.json": json.dumps({"forms": [{"name": "contact", "items": items}]}),
        }
    )
    return judged.forms_program(host)


def app(site, program):
    return judged.test_only_the_declared_program_collects(SimpleNamespace(name="app"), site, program)


class TestProgram:
    FORM = "reference_site/templates/form.html.j2"

    def test_a_log_of_requests_is_found_by_its_start(self, program):
        host = SimpleNamespace(name="app")
        assert judged.test_the_forms_keep_no_log_of_requests(host, program)
        program["unit"].update(Environment="GUNICORN_CMD_ARGS=--access-logfile=-")
        with pytest.raises(AssertionError, match="access-logfile"):
            judged.test_the_forms_keep_no_log_of_requests(host, program)

    def test_the_recorded_program_is_azukaris_own(self, contact_site, program):
        assert app(contact_site, program).endswith("files, all azukari's own; forms: contact")

    def test_a_stopped_one_has_nothing_to_read(self, contact_site, program):
        program["unit"] |= {"ActiveState": "inactive", "ExecMainStartTimestamp": ""}
        assert app(contact_site, program)

    CHANGES: ClassVar = {
        "altered": (lambda p, form: p["digests"].update({form: "0" * 64}), "form.html.j2 is 0000"),
        "gone": (lambda p, form: p["paths"].remove(next(one for one in p["paths"] if one[2] == form)), "not found"),
        "beside": (lambda p, _: p["paths"].append(["f", "1.0", "sitecustomize.py"]), "not promised: sitecustomize.py"),
        "a folder": (lambda p, _: p["paths"].append(["d", "1.0", "reference_site/__pycache__"]), "__pycache__"),
        "a link": (lambda p, form: p["paths"].append(["l", "1.0", form]), "form.html.j2 is a link"),
        "a pipe": (lambda p, _: p["paths"].append(["p", "1.0", "x"]), "not promised: x"),
        "written after the start": (
            lambda p, form: p["paths"].append(["f", "1795714471.5", form]), "changed after the forms were started"
        ),
        "a log": (
            lambda p, _: p["unit"].update(Environment="GUNICORN_CMD_ARGS=--access-logfile=-"),
            "Environment is .*access-logfile",
        ),
        "another program": (
            lambda p, _: p["unit"].update(ExecStart="{ path=/x ; argv[]=/x --y ; ignore_errors=no }"),
            "ExecStart is /x --y",
        ),
        "something in its place": (lambda p, _: p["unit"].update(BindReadOnlyPaths="/opt:/srv"), "BindReadOnlyPaths"),
        "a file of variables": (lambda p, _: p["unit"].update(EnvironmentFiles="/etc/x (no)"), "EnvironmentFiles"),
        "not yet read": (lambda p, _: p["unit"].update(NeedDaemonReload="yes"), "NeedDaemonReload is yes"),
        "made required": (lambda p, _: p["forms"][0]["items"][1].update(required=True), "heading is required"),
        "one item more": (
            lambda p, _: p["forms"][0]["items"].append({"name": "phone", "required": False}),
            "items of contact: .*phone",
        ),
        "one choice more": (
            lambda p, _: p["forms"][0]["items"][3]["choices"].append({"name": "x"}),
            "gender is optional female male other x",
        ),
        "one form more": (
            lambda p, _: p["forms"].append({"name": "survey", "items": [{"name": "why", "required": False}]}),
            "items of survey: found but not promised: why",
        ),
        "no form": (lambda p, _: p["forms"].clear(), "items of contact: promised but not found"),
    }  # fmt: skip

    @pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
    def test_another_program_is_a_finding(self, contact_site, program, change, said):
        change(program, self.FORM)
        with pytest.raises(AssertionError, match=said):
            app(contact_site, program)

    @pytest.mark.parametrize("missing", ["-printf", "sha256sum", "systemctl", "site.json"])
    def test_what_cannot_be_read_is_not_judged(self, missing):
        said = dict.fromkeys(("-printf", "sha256sum", "systemctl"), "") | {"site.json": '{"forms": []}', missing: None}
        with pytest.raises(NotEvaluated, match="denied"):
            judged.forms_program(Answering(**said))

    def test_settings_that_are_none_are_not_judged(self):
        said = dict.fromkeys(("-printf", "sha256sum", "systemctl"), "")
        with pytest.raises(NotEvaluated, match="cannot be understood"):
            judged.forms_program(Answering(**said, **{"site.json": "[]"}))


def test_a_page_says_what_can_be_filled_in():
    page = Page("<form method=post><input TYPE=submit><input name=a><select name=b><option>c<option value=d></select>")
    assert page.forms == [{"method": "post"}]
    assert [(one.kind, one.names, one.choices) for one in page.controls] == [
        ("submit", (), []), ("text", ("a",), []), ("select", ("b",), ["(its words)", "d"]),
    ]  # fmt: skip
