"""The facts behind the data map, as a run keeps them, made from the answers that the lab's hosts once gave."""

import base64
import json
from pathlib import Path
from typing import Any

from azukari.verify.nginx_words import settings

ANSWERS = Path(__file__).parents[1] / "checks" / "answers"
KEY = "ilmjkwaR9vbBzPiuueg9AgLUPBB9C9Rj99dVVkk4e0w"
LOG = "/var/log/nginx/access.log"


def section(value: Any) -> dict[str, Any]:
    return {"ok": True, "value": value}


def reply(text: str = "", **headers: str) -> dict[str, Any]:
    return {"status": 200, "headers": {name.replace("_", "-"): said for name, said in headers.items()}, "text": text}


def facts() -> dict[str, Any]:
    """Return facts of a run in which everything is as declared; anew each time, so that a test may change them."""
    catalogues = json.loads((ANSWERS / "database-catalogues.json").read_text())
    catalogues["relations"] = [row for row in catalogues["relations"] if row[0] != "site.mail_service"]
    del catalogues["columns"]["site.mail_service"]
    pages = {"/contact/": "contact-ja.html", "/en/contact/": "contact-en.html"}
    statement = {"collection": "contact", "kid": KEY}
    return {
        "web": {
            "collected visit": section(
                {
                    "pages": {"/": reply("<p>home</p>", set_cookie="visit=1; Max-Age=86400; Secure")},
                    "forms": {path: reply((ANSWERS / name).read_text()) for path, name in pages.items()}
                    | {"/contact/received/": reply("<p>received</p>")},
                    **{name: {} for name in ("errors", "hidden", "homes", "redirects")},
                }
            ),
            "collected log_settings": section(
                {
                    "settings": [
                        [list(one.within), list(one.words)]
                        for one in settings((ANSWERS / "nginx-web.conf").read_text())
                    ]
                }
            ),
            "collected kept_domains": section(
                [{"kind": "f", "name": f"{day}.json", "said": {"day": day}} for day in ("2026-11-23", "2026-11-24")]
            ),
            "logs": section(
                [{"path": LOG, "kind": "regular file", "bytes": 900, "born": 1795500000, "written": 1795560000}]
            ),
        },
        "db": {
            "collected catalogues": section(catalogues),
            "collected sealed": section(
                [["contact", purpose, KEY, 3, "2026-11-20"] for purpose in ("policymaking", "reference", "reply")]
            ),
        },
        "app": {
            "collected told_to_the_forms": section(
                {"sealing/contact.json": base64.b64encode(json.dumps(statement).encode()).decode()}
            ),
        },
    }
