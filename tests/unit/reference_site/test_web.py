"""Over HTTP: what is acknowledged was kept, what is refused comes back whole, nothing that is sent is our fault."""

import functools
import random
import time
from html.parser import HTMLParser

import pytest
import yaml

from azukari.content import content
from reference_site.forms import form
from reference_site.pages import HERE, Pages, Shell
from reference_site.web import FORM, PATHS, Erased, Settings, Unavailable, application

POLICY = yaml.safe_load((content("inventory") / "lab" / "group_vars" / "all" / "policy.yml").read_text("utf-8"))[
    "policy"
]
FORMS = {each["name"]: form(each) for each in POLICY["collections"] if each["name"] in PATHS}
CONTACT = FORMS["contact"]
WORDS = yaml.safe_load((HERE / "words.yml").read_text("utf-8"))
SHELL = "<!doctype html><html lang={}><title>%title%</title><main>%main%</main></html>"
SHELLS = {"ja": Shell(SHELL.format("ja"), "/privacy/"), "en": Shell(SHELL.format("en"), "/en/privacy/")}
OWN = {"Sec-Fetch-Site": "same-origin"}


class Kept:
    """Records what it is given to keep; a stand-in for the database alone, which the lab's tests have."""

    def __init__(self):
        self.rows, self.tongues, self.down, self.waiting, self.listed = {}, {}, False, set(), set()
        self.erased = set()

    def _be_there(self):
        if self.down:
            raise Unavailable

    def keep(self, form, row, answer, tongue):
        self._be_there()
        if row in self.erased:
            raise Erased
        self.rows.setdefault(row, (form, dict(answer)))
        self.tongues[row] = tongue

    def confirm(self, letter):
        self._be_there()
        self.listed |= self.waiting & {letter}
        return letter in self.listed

    def unsubscribe(self, letter):
        self._be_there()
        self.listed.discard(letter)


class Page(HTMLParser):
    """What a visitor's browser would find on a page."""

    def __init__(self, response):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(response.get_data(as_text=True))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def all(self, *tags):
        return [attributes for tag, attributes in self.tags if tag in tags]

    @property
    def fields(self):
        return {each["name"]: each for each in self.all("input", "textarea", "select")}

    @property
    def token(self):
        return self.fields["token"]["value"]


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def client(kept):
    settings = Settings(("www.lab.test",), b"s" * 32, FORMS)
    client = application(settings, Pages(SHELLS), kept).test_client()
    client.open = functools.partial(client.open, base_url="https://www.lab.test")
    return client


@pytest.fixture(params=["ja", "en"])
def tongue(request):
    return request.param


def send(client, answer, *, path="/en/contact/", headers=OWN, token=None):
    token = token if token is not None else Page(client.get(path)).token
    return client.post(path, data={"token": token, **answer}, headers=headers)


@pytest.mark.parametrize(("name", "required"), [("contact", {"comments"}), ("mail_service", {"email"})])
def test_a_form_asks_the_declared_items_and_nothing_else(client, tongue, name, required):
    page, asked = Page(client.get(PATHS[name][tongue])), FORMS[name].fields
    assert set(page.fields) == {"token", *(field.name for field in asked)}
    assert {name for name, each in page.fields.items() if "required" in each} == required
    offered = [each["value"] for each in page.all("option") if each["value"]]
    assert offered == [choice.name for field in asked for choice in field.choices]


def test_every_field_has_its_label_and_every_word_its_language(client, tongue):
    page = Page(client.get(PATHS["contact"][tongue]))
    assert {each["for"] for each in page.all("label")} == {field.name for field in CONTACT.fields}
    for field in CONTACT.fields:
        assert field.title[tongue] in page.words
    assert WORDS[tongue]["privacy"] in page.words
    assert SHELLS[tongue].privacy in [each["href"] for each in page.all("a")]


def test_the_words_are_the_same_in_both_languages():
    def keys(words):
        return {name: keys(each) if isinstance(each, dict) else None for name, each in words.items()}

    assert keys(WORDS["ja"]) == keys(WORDS["en"])


def test_what_is_acknowledged_was_kept(client, kept, tongue):
    path = PATHS["contact"][tongue]
    response = send(client, {"comments": "意見です"}, path=path)
    assert (response.status_code, response.headers["Location"]) == (303, path + "received/")
    assert list(kept.rows.values()) == [("contact", {"comments": "意見です"})]
    assert WORDS[tongue]["contact"]["received"] in Page(client.get(response.headers["Location"])).words


def test_who_sends_twice_is_kept_once(client, kept):
    token = Page(client.get("/en/contact/")).token
    for _ in range(3):
        assert send(client, {"comments": "x"}, token=token).status_code == 303
    assert len(kept.rows) == 1


def test_who_goes_back_and_corrects_the_answer_has_sent_another(client, kept):
    token = Page(client.get("/en/mail-service/")).token
    for address in ("typo@exmaple.jp", "right@example.jp", "right@example.jp"):
        assert send(client, {"email": address}, path="/en/mail-service/", token=token).status_code == 303
    assert [answer["email"] for _, answer in kept.rows.values()] == ["typo@exmaple.jp", "right@example.jp"]


def test_the_same_answer_of_two_visitors_is_kept_twice(client, kept):
    for _ in range(2):
        assert send(client, {"comments": "x"}).status_code == 303
    assert len(kept.rows) == 2


@pytest.mark.parametrize("sign", ["字", "\U0001f600", "\n!"])
def test_the_longest_answer_gets_through(client, kept, sign):
    comments = (sign * 10_000)[:9_999] + "x"
    answer = {"comments": comments, "heading": "字" * 200, "country": "字" * 200, "email": "a@example.jp"}
    assert send(client, answer).status_code == 303
    ((_, found),) = kept.rows.values()
    assert found == {**answer, "comments": comments.strip()}


def test_one_forms_token_is_not_anothers(client, kept):
    token = Page(client.get("/en/contact/")).token
    assert send(client, {"email": "a@example.jp"}, path="/en/mail-service/", token=token).status_code == 400
    assert not kept.rows


def test_a_short_secret_is_refused(kept):
    with pytest.raises(ValueError, match="31 bytes; at least 32"):
        application(Settings(("www.lab.test",), b"s" * 31, FORMS), Pages(SHELLS), kept)


def test_another_name_is_not_served(client):
    assert client.get("/contact", headers={"Host": "evil.example"}).status_code == 400


def test_what_cannot_be_kept_is_not_acknowledged_and_nothing_is_to_be_written_twice(client, kept):
    kept.down = True
    answer = {"comments": "long thoughts", "heading": "h", "gender": "female"}
    first = Page(client.get("/en/contact/")).token
    response = send(client, answer, token=first)
    page = Page(response)
    assert response.status_code == 503
    assert WORDS["en"]["unavailable"] in page.words
    assert "long thoughts" in page.words
    assert page.fields["heading"]["value"] == "h"
    assert [each["value"] for each in page.all("option") if "selected" in each] == ["female"]
    assert page.token == first
    kept.down = False
    assert send(client, answer, token=page.token).status_code == 303
    assert list(kept.rows.values()) == [("contact", answer)]


def test_every_mistake_is_said_at_its_field_and_above(client, kept, tongue):
    response = send(client, {"email": "nobody", "age": "7"}, path=PATHS["contact"][tongue])
    page = Page(response)
    assert (response.status_code, kept.rows) == (400, {})
    assert WORDS[tongue]["wrong"] in page.words
    for problem in ("missing", "not_an_address", "unknown"):
        assert WORDS[tongue]["problems"][problem] in page.words
    assert [each["id"] for each in page.all("p") if "wrong" in each.get("class", "")] == [
        "comments-wrong",
        "email-wrong",
    ]
    assert "comments-wrong" in page.fields["comments"]["aria-describedby"]
    assert page.fields["email"]["aria-invalid"] == "true"
    assert {"#comments", "#email"} <= {each["href"] for each in page.all("a")}


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://www.lab.test"}, False),
        ({"Origin": "https://www.lab.test"}, True),
        ({"Origin": "null"}, False),
        ({}, True),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "http://www.lab.test"}, False),
    ],
)
def test_a_form_of_another_site_is_not_taken(client, kept, headers, taken):
    response = send(client, {"comments": "x"}, headers=headers)
    assert response.status_code == (303 if taken else 403)
    assert bool(kept.rows) is taken
    assert taken or WORDS["en"]["foreign"] in Page(response).words


@pytest.mark.parametrize("token", ["", "x", "WyJjb250YWN0IiwiYSJd.aaaaaa.bbbb"])
def test_a_token_that_is_not_ours_is_not_taken(client, kept, token):
    response = send(client, {"comments": "kept in the page"}, token=token)
    assert (response.status_code, kept.rows) == (400, {})
    assert WORDS["en"]["expired"] in Page(response).words
    assert "kept in the page" in Page(response).words


@pytest.mark.parametrize(("hours", "taken"), [(23, True), (25, False)])
def test_a_page_is_good_for_a_day(client, kept, monkeypatch, hours, taken):
    token = Page(client.get("/en/contact/")).token
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + hours * 3600)
    assert send(client, {"comments": "x"}, token=token).status_code == (303 if taken else 400)
    assert bool(kept.rows) is taken


def test_what_is_sent_is_never_markup(client):
    evil = '"><script>alert(1)</script>%main%</textarea>'
    page = Page(send(client, {"comments": evil, "heading": evil, evil: evil, "email": "x"}))
    assert not page.all("script")
    assert page.fields["heading"]["value"] == evil


def test_ten_megabytes_are_refused(client, kept):
    assert send(client, {"comments": "x" * 10_000_000}).status_code == 413
    assert not kept.rows


def test_a_registration_is_kept_until_it_is_confirmed(client, kept, tongue):
    path = PATHS["mail_service"][tongue]
    response = send(client, {"email": "a@example.jp", "region": "kanto"}, path=path)
    assert (response.status_code, response.headers["Location"]) == (303, path + "received/")
    assert list(kept.rows.values()) == [("mail_service", {"email": "a@example.jp", "region": "kanto"})]
    assert list(kept.tongues.values()) == [tongue]
    assert WORDS[tongue]["mail_service"]["received"] in Page(client.get(path + "received/")).words


ONE, TWO = "one-".ljust(43, "1"), "two_".ljust(43, "2")  # letters' secrets


def follow(client, path):
    """Follow a letter's link, and press the button."""
    page = Page(client.get(path))
    (button,) = page.all("form")
    return client.post(button["action"])


def test_to_look_at_a_letters_link_changes_nothing(client, kept):
    kept.waiting, kept.listed = {ONE}, {TWO}
    for path in (f"confirm/?letter={ONE}", f"unsubscribe/?letter={TWO}"):
        assert client.get("/en/mail-service/" + path).status_code == 200
        assert client.head("/en/mail-service/" + path).status_code == 200
    assert (kept.waiting, kept.listed) == ({ONE}, {TWO})


def test_a_registration_is_confirmed_by_its_letter_and_no_other(client, kept, tongue):
    path, words = PATHS["mail_service"][tongue], WORDS[tongue]["mail_service"]
    kept.waiting = {ONE}
    for _ in range(2):  # who presses twice is left with the same good news
        done = follow(client, f"{path}confirm/?letter={ONE}")
        assert (done.status_code, kept.listed) == (200, {ONE})
        assert words["confirmed"] in Page(done).words
    other = follow(client, f"{path}confirm/?letter={TWO}")
    assert other.status_code == 404
    assert words["unknown"] in Page(other).words


def test_a_mail_program_unsubscribes_with_one_click(client, kept):
    kept.listed = {TWO}
    for _ in range(2):  # RFC 8058 section 3.1: no cookie, no redirect, whatever else the sender's program says
        response = client.post(
            f"/mail-service/unsubscribe/?letter={TWO}",
            data="List-Unsubscribe=One-Click",
            headers={"Sec-Fetch-Site": "none"},
        )
        assert response.status_code == 200
        assert WORDS["ja"]["mail_service"]["unsubscribed"] in Page(response).words
    assert not kept.listed


@pytest.mark.parametrize("at", ["confirm", "unsubscribe"])
@pytest.mark.parametrize("letter", ["", "x", "x" * 42, "x" * 44, "%C3%A9" * 43, "x" * 42 + "%0A", "x" * 42 + "'"])
def test_a_link_that_was_cut_short_is_said_to_be_so(client, kept, at, letter):
    kept.down = True  # nobody is asked
    for ask in (client.get, client.post):
        response = ask(f"/en/mail-service/{at}/?letter={letter}")
        assert response.status_code == 404
        assert WORDS["en"]["mail_service"]["cut_short"] in Page(response).words
        assert not Page(response).all("form")


@pytest.mark.parametrize("at", ["confirm", "unsubscribe"])
def test_bytes_in_a_link_that_are_no_text_are_a_link_that_was_cut_short(client, at):
    for method in ("GET", "POST"):
        query = {"QUERY_STRING": f"letter={ONE}&x=\xff"}
        response = client.open(f"/en/mail-service/{at}/", method=method, environ_overrides=query)
        assert response.status_code == 404


def test_what_was_erased_is_not_kept_again_from_the_same_page_but_from_the_next(client, kept):
    first = Page(client.get("/en/contact/")).token
    assert send(client, {"comments": "again"}, token=first).status_code == 303
    kept.erased = set(kept.rows)
    response = send(client, {"comments": "again"}, token=first)
    page = Page(response)
    assert response.status_code == 400
    assert WORDS["en"]["erased"] in page.words
    assert "again" in page.words
    assert page.token != first
    assert send(client, {"comments": "again"}, token=page.token).status_code == 303
    assert len(kept.rows) == 2


@pytest.mark.parametrize("at", ["confirm", "unsubscribe"])
def test_what_could_not_be_done_can_be_tried_again(client, kept, at):
    kept.down, kept.waiting, kept.listed = True, {ONE}, {ONE}
    response = follow(client, f"/en/mail-service/{at}/?letter={ONE}")
    page = Page(response)
    assert response.status_code == 503
    assert WORDS["en"]["mail_service"][at] in page.words
    kept.down = False
    assert client.post(page.all("form")[0]["action"]).status_code == 200
    assert kept.listed == ({ONE} if at == "confirm" else set())


BODIES = [
    (b"comments=%ff%fe", FORM),
    (b"comments=%93%fa%96%7b", FORM),
    (b"comments=x&heading=%00", FORM),
    (b"comments=\xe5\xad\x97", FORM),
    (b"&&&=;=%&%zz", FORM),
    (b"&a=" * 5000, FORM),
    (b'{"comments": "x"}', "application/json"),
    (b"comments=x", "text/plain"),
    (b"--x\r\nContent-Disposition: form-data; name=comments\r\n\r\nx", "multipart/form-data; boundary=x"),
    (b"--x\r\n" * 2000, "multipart/form-data; boundary=x"),
    (b"x", "multipart/form-data"),
    (b"", ""),
]


@pytest.mark.parametrize(("body", "kind"), BODIES)
def test_a_broken_body_is_the_senders_mistake(client, kept, body, kind):
    if kind == FORM:  # else the token would be what is missing
        body = b"token=" + Page(client.get("/en/contact/")).token.encode() + b"&" + body
    response = client.post("/en/contact/", data=body, content_type=kind, headers=OWN)
    assert 400 <= response.status_code < 500
    assert not kept.rows


@pytest.mark.parametrize("seed", range(10))
def test_no_answer_is_a_fault_of_ours(client, kept, seed):
    chance = random.Random(seed)
    alphabet = "aあ\0\r\n\x1b\u2028\u202e\ud800\ufffe<>&\"'%@.:;=\U0010ffff"
    names = [*(field.name for field in CONTACT.fields), "token", "x", ""]
    for _ in range(30):
        sent = [("comments", "x")] * chance.randrange(2) + [
            (chance.choice(names), "".join(chance.choices(alphabet, k=chance.choice((0, 0, 1, 5, 300)))))
            for _ in range(chance.randrange(4))
        ]
        token = Page(client.get("/en/contact/")).token
        body = "&".join(f"{name}={_escaped(value)}" for name, value in [("token", token), *sent])
        assert client.post("/en/contact/", data=body, content_type=FORM, headers=OWN).status_code in {303, 400}
    assert len(kept.rows) > 1
    for form_name, answer in kept.rows.values():
        assert form_name == "contact"
        assert set(answer) <= {field.name for field in CONTACT.fields}
        assert not any(sign in value for name, value in answer.items() if name != "comments" for sign in "\r\n\0")


def _escaped(value):
    return "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))
