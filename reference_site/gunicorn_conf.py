"""How gunicorn serves the application: `gunicorn -c python:reference_site.gunicorn_conf`.

TLS 1.3 alone, and to holders of the site's certificates alone. Nothing about a request is logged.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference_site.peers import CERTIFICATE, KEY, TRUSTED

wsgi_app = "reference_site.main:start()"
bind = ["[::]:8443"]  # unless systemd hands over the socket that it holds, as on the servers
preload_app = False  # each worker makes its own connections to the database

worker_class = "reference_site.worker.Worker"  # gthread, but sturdier
workers = 2
threads = 8  # each has a connection to the database: 16 in all
worker_tmp_dir = "/dev/shm"  # noqa: S108  gunicorn's sign of life; on a disk a busy disk would end the worker
timeout = 30
graceful_timeout = 20
keepalive = 75  # longer than nginx keeps a connection to us open (60 s), so that it is nginx that closes it

accesslog = None
errorlog = "-"
loglevel = "error"  # a warning would repeat what it could not read of a request

certfile = str(CERTIFICATE)
keyfile = str(Path(os.environ["CREDENTIALS_DIRECTORY"]) / KEY)
ca_certs = str(TRUSTED)
cert_reqs = ssl.CERT_REQUIRED

limit_request_line = 8190  # what nginx takes, as below: who asks for more is shown its page
limit_request_fields = 64
limit_request_field_size = 8190  # what nginx takes (large_client_header_buffers)
forwarded_allow_ips = ""  # nothing that a header says of where a request came from is believed
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


def ssl_context(_conf: Any, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return gunicorn's context, for TLS 1.3 alone; each connection proves anew who it is."""
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    return context
