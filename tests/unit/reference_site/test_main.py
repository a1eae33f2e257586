"""The application is built from its file: the forms that it names, for the hosts that it names, and nothing else."""

import json
import shutil

import psycopg
import pytest

from reference_site.main import create


class Web:
    def getpeercert(self):
        return {"subjectAltName": (("DNS", "web"),)}


def get(app, path):
    client = app.test_client()
    return client.get(path, base_url="https://www.lab.test", environ_overrides={"gunicorn.socket": Web()})


@pytest.fixture
def change(told):
    def change(**changes):
        file = told[0] / "site.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def test_the_named_forms_are_served_and_no_other(told):
    app = create(*_files(told))
    paths = ["/contact/", "/en/contact/", "/mail-service/", "/en/mail-service/confirm/", "/mail-service/unsubscribe/"]
    assert [get(app, path).status_code for path in paths] == [200, 200, 404, 404, 404]


def test_the_lists_pages_come_with_its_form(told, contact, change):
    change(forms=[contact, contact | {"name": "mail_service"}], holders={"contact": "office", "mail_service": "mail"})
    app = create(*_files(told))
    paths = ["/contact/", "/mail-service/"]
    paths += [f"/{path}/?letter={'x' * 43}" for path in ("en/mail-service/confirm", "mail-service/unsubscribe")]
    assert [get(app, path).status_code for path in paths] == [200] * 4


def test_whoever_is_not_named_is_not_served(told):
    assert create(*_files(told)).test_client().get("/contact/", base_url="https://www.lab.test").status_code == 403


def test_the_database_must_prove_itself_and_we_to_it(told, monkeypatch, contact):
    asked = []

    def connect(**parameters):
        asked.append(parameters)
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", connect)
    app = create(*_files(told))
    client = app.test_client()
    client.environ_base["gunicorn.socket"] = Web()
    page = client.get("/en/contact/", base_url="https://www.lab.test").get_data(as_text=True)
    token = page.split('name="token" value="')[1].split('"')[0]
    sent = client.post("/en/contact/", base_url="https://www.lab.test", data={"token": token, "comments": "x"})
    assert sent.status_code == 503
    (parameters,) = asked
    wanted = {
        "host": "db",
        "hostaddr": "127.0.0.1",
        "user": "intake",
        "password": "hunter2",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/azukari/tls/domain_ca.pem",
        "sslcert": "/etc/azukari/tls/intake.pem",
        "sslkey": str(told[1] / "intake.key"),
        "channel_binding": "require",
        "connect_timeout": 5,
        "tcp_user_timeout": 5000,
        "options": "-c statement_timeout=5000",
    }
    assert {name: parameters.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (lambda _, credentials: shutil.rmtree(credentials), OSError),
        (lambda _, credentials: (credentials / "token.secret").write_text("short"), ValueError),
        (lambda site, _: (site / "site.json").write_text("{}"), KeyError),
        (lambda site, _: (site / "site.json").write_text("x"), ValueError),
    ],
    ids=["no credentials", "a short secret", "nothing said", "no JSON"],
)
def test_it_does_not_start_on_what_is_broken(told, broken, error):
    broken(*told)
    with pytest.raises(error):
        create(*_files(told))


def _files(told):
    return told[0] / "site.json", told[1]
