"""By which parameters the application and the mail tier connect to the database, each as a role of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reference_site.peers import TRUSTED

PASSWORD = "database.password"  # noqa: S105  a credential's name
# Both ends prove who they are. What is not answered within seconds is not done, and whoever asked is told.
_ALWAYS = {
    "sslmode": "verify-full",
    "ssl_min_protocol_version": "TLSv1.3",
    "sslrootcert": str(TRUSTED),
    "channel_binding": "require",
    "gssencmode": "disable",
    "connect_timeout": 5,  # s
    "tcp_user_timeout": 5000,  # ms
    "keepalives": 1,
    "keepalives_idle": 5,  # s
    "keepalives_interval": 2,  # s
    "keepalives_count": 3,
    "options": "-c statement_timeout=5000",  # ms
}


def parameters(database: Mapping[str, Any], credentials: Path) -> dict[str, Any]:
    """Return the parameters of a connection, as libpq knows them.

    Args:
        database: as the program is told: `host`, `hostaddr`, `port`, `dbname` and `user`, the role. The role has a
            certificate in its own name beside the host's, which does not open the database.
        credentials: the folder with the password and the certificate's key.
    """
    role = database["user"]
    password = (credentials / PASSWORD).read_text(encoding="utf-8").rstrip("\n")
    own = {"application_name": f"azukari-{role}", "sslcert": f"/etc/azukari/tls/{role}.pem"}
    return {**_ALWAYS, **own, **database, "password": password, "sslkey": str(credentials / f"{role}.key")}
