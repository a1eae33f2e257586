"""What the hosts of the forms are given, and that the program which reads it starts on it and seals for the office."""

import json
import shutil
from pathlib import Path, PurePosixPath

import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import reference_site
from azukari.content import content
from azukari.errors import InputError
from azukari.people import authority, lab_site, mail_keys, sealing_keys
from azukari.provision import application as declared
from azukari.provision import release
from azukari.site import holders_dir, load
from reference_site import main
from reference_site.database import PASSWORD
from reference_site.sealing import Place, unseal

PROGRAM, SETTINGS = declared.PROGRAM, declared.SETTINGS


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("AZUKARI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "lab"
    shutil.copytree(
        content("inventory") / "lab", folder, ignore=shutil.ignore_patterns("keys", "secrets", "approval.*")
    )
    found = load(folder)
    lab_site.office_key(found)
    return found


def made(site):
    return declared.application(site)


def stated(site):
    """Return the office's private key for the form, its statement made."""
    private, _ = sealing_keys.make(site, "contact", holders_dir(site) / "office" / "approval", site.contract.end)
    return load_pem_private_key(private.read_bytes(), None)


def test_all_files_of_the_program_go_to_the_host(site):
    own = Path(reference_site.__file__).parent
    wanted = {
        f"{PROGRAM}/reference_site/{path.relative_to(own)}": str(path)
        for path in own.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {file["dest"]: file["copy"] for file in made(site)["files"]} == wanted
    assert {file["mode"] for file in made(site)["files"]} == {"0644"}


def test_every_folder_is_made_and_holds_nothing_else(site):
    stated(site)
    found = made(site)
    folders = {str(PurePosixPath(file["dest"]).parent) for file in found["files"]}
    paths = [entry["path"] for entry in found["directories"]]
    assert folders < set(paths)
    assert all(
        str(PurePosixPath(path).parent) in {*paths[: paths.index(path)], "/srv", "/etc/azukari"} for path in paths
    )
    only = {entry["dir"]: entry.get("keep", []) for entry in found["only"]}
    assert set(only) == folders | {PROGRAM}
    assert only[PROGRAM] == ["reference_site"]
    assert only[f"{PROGRAM}/reference_site"] == ["templates"]
    assert only[f"{SETTINGS}/sealing"] == []


def test_the_statement_goes_with_its_signature_or_is_said_to_be_missing(site):
    assert made(site)["unstated"] == ["contact", "mail_service"]
    stated(site)
    found = made(site)
    folder = site.path / sealing_keys.FOLDER
    given = {file["dest"]: file["content"] for file in found["files"] if "content" in file}
    assert given == {
        f"{SETTINGS}/sealing/{name}": (folder / name).read_text() for name in ("contact.json", "contact.json.sig")
    }
    assert found["unstated"] == ["mail_service"]
    (folder / "contact.json.sig").unlink()
    half = made(site)
    assert half["unstated"] == ["contact", "mail_service"]
    assert not [file for file in half["files"] if "content" in file]


class Read(dict):
    """A document that notes which of its keys were read."""

    def __init__(self, *given):
        super().__init__(*given)
        self.read = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)


class Loads:
    """Stands for `json` in the program, and keeps the document that it read."""

    def loads(self, text):
        self.document = Read(json.loads(text))
        return self.document


class Database:
    """Takes what is handed in."""

    def __init__(self):
        self.connected, self.given = [], []

    def connect(self, **parameters):
        self.connected.append(parameters)
        return self

    def execute(self, _statement, parameters):
        self.given.append(parameters)
        return self

    def fetchone(self):
        return (True,)

    def commit(self):
        pass


@pytest.fixture
def placed(site, tmp_path):
    """Put settings and statements where the roles put them, below a folder; return it and the credentials'."""

    def place():
        found, root, credentials = made(site), tmp_path / "host", tmp_path / "credentials"
        (root / "sealing").mkdir(parents=True)
        credentials.mkdir()
        (root / main.CONFIGURATION.name).write_text(json.dumps(found["settings"], ensure_ascii=False))
        for file in found["files"]:
            if "content" in file:
                (root / Path(file["dest"]).relative_to(SETTINGS)).write_text(file["content"])
        (credentials / PASSWORD).write_text("hunter2")
        (credentials / main.SECRET).write_text("s" * 43)
        return root / main.CONFIGURATION.name, credentials

    return place


class Web:
    def __init__(self, name):
        self.name = name

    def getpeercert(self):
        return {"subjectAltName": (("DNS", self.name),)}


def test_the_program_starts_on_the_settings_and_reads_all_of_them(site, placed, monkeypatch):
    assert Path(SETTINGS) == main.CONFIGURATION.parent
    reading = Loads()
    monkeypatch.setattr(main, "json", reading)
    main.create(*placed())
    assert reading.document.read == set(reading.document)


def test_what_is_given_in_the_form_is_sealed_for_the_office_and_kept(site, placed, monkeypatch):
    key = stated(site)
    database = Database()
    monkeypatch.setattr(psycopg, "connect", database.connect)
    client = main.create(*placed()).test_client()
    base = f"https://{site.settings.names[0]}"
    client.environ_base["gunicorn.socket"] = Web("app")
    assert client.get("/en/contact/", base_url=base).status_code == 403
    client.environ_base["gunicorn.socket"] = Web("web")
    page = client.get("/en/contact/", base_url=base).get_data(as_text=True)
    token = page.split('name="token" value="')[1].split('"')[0]
    sent = client.post(
        "/en/contact/", base_url=base, data={"token": token, "comments": "a bridge", "email": "a@b.test"}
    )
    assert sent.status_code < 400
    (parameters,) = database.connected
    told = {name: parameters[name] for name in ("host", "hostaddr", "port", "dbname", "user", "password")}
    assert told == {
        "host": "db",
        "hostaddr": "198.18.64.13",
        "port": 5432,
        "dbname": "site",
        "user": "intake",
        "password": "hunter2",
    }
    ((form, row, sealed, _),) = database.given
    assert form == "contact"
    opened = {
        purpose: json.loads(unseal(text, Place(form, str(row), purpose), key)) for purpose, text in sealed.obj.items()
    }
    assert opened == {"policymaking": {"comments": "a bridge"}, "reply": {"email": "a@b.test"}}


def test_without_a_form_nothing_is_told_of_one(site, monkeypatch):
    monkeypatch.setattr(release, "FORMS", ())
    found = declared.application(site)
    assert (found["settings"]["forms"], found["settings"]["holders"], found["unstated"]) == ([], {}, [])


def test_an_address_is_sealed_for_the_mail_tier_alone_and_nothing_else_of_a_registration_is_kept(
    site, placed, monkeypatch
):
    authority.create(site, "production")
    lab_site.mail_tiers_key(site)
    private, _ = sealing_keys.make(site, "mail_service", holders_dir(site) / "office" / "approval", site.contract.end)
    assert private is None
    assert made(site)["settings"]["holders"] == {"contact": "office", "mail_service": "mail"}
    key = load_pem_private_key(mail_keys.private(site).encode(), None)
    database = Database()
    monkeypatch.setattr(psycopg, "connect", database.connect)
    client = main.create(*placed()).test_client()
    client.environ_base["gunicorn.socket"] = Web("web")
    base = f"https://{site.settings.names[0]}"
    page = client.get("/en/mail-service/", base_url=base).get_data(as_text=True)
    token = page.split('name="token" value="')[1].split('"')[0]
    sent = client.post(
        "/en/mail-service/", base_url=base, data={"token": token, "email": "a@b.test", "gender": "female"}
    )
    assert sent.status_code == 303
    ((form, row, sealed, chosen),) = database.given
    assert list(sealed.obj) == ["delivery"]
    assert chosen.obj == {"gender": "female"}  # counted, and not kept
    opened = json.loads(unseal(sealed.obj["delivery"], Place(form, str(row), "delivery"), key))
    assert opened == {"email": "a@b.test", "tongue": "en"}


def test_apply_says_what_is_missing_for_the_mail_service(site):
    stated(site)
    with pytest.raises(InputError, match=r"no sealing key for mail_service: .*once `azukari site mail-key`"):
        declared.must_be_stated(site)
