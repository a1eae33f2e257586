"""The application as gunicorn starts it: what it is told stands in one file, its secrets are credentials."""

import functools
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from flask import Flask

from reference_site.database import parameters
from reference_site.forms import form
from reference_site.intake import DailyKeys, SealedIntake
from reference_site.pages import Pages, Shell
from reference_site.peers import only
from reference_site.web import Settings, application

CONFIGURATION = Path("/etc/azukari/site/site.json")
STATEMENTS = "sealing"  # the folder of the key statements, beside the configuration
SECRET = "token.secret"  # noqa: S105  a credential's name


def start() -> Flask:
    """Return the application of this host."""
    return create(CONFIGURATION, Path(os.environ["CREDENTIALS_DIRECTORY"]))


def create(configuration: Path, credentials: Path) -> Flask:
    """Return the application.

    Args:
        configuration: what the application is told, JSON; the key statements lie in `sealing` beside it.
        credentials: the folder with the database's password, the secret of the tokens and the certificate's key.

    Raises:
        OSError: a file cannot be read.
        KeyError: the configuration lacks something.
        ValueError: the configuration is no JSON, the secret is too short, or an item has no purpose.
    """
    told: Mapping[str, Any] = json.loads(configuration.read_text(encoding="utf-8"))
    forms = {each["name"]: form(each) for each in told["forms"]}
    zone = ZoneInfo(told["time_zone"])
    keys = DailyKeys(
        configuration.parent / STATEMENTS,
        told["site"],
        told["holders"],
        told["office_key"],
        today=lambda: datetime.now(zone).date(),
    )
    settings = Settings(tuple(told["names"]), (credentials / SECRET).read_bytes(), forms)
    pages = Pages({tongue: Shell(**shell) for tongue, shell in told["shells"].items()})
    connect = functools.partial(psycopg.connect, **parameters(told["database"], credentials))
    app = application(settings, pages, SealedIntake(forms, keys, connect))
    app.wsgi_app = only(app.wsgi_app, told["clients"])  # type: ignore[method-assign, assignment]  # Flask's documented way
    return app
