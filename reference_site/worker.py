"""gunicorn's threaded worker, for peers that break off or say nothing: neither may cost others their answers."""

from typing import Any

from gunicorn.sock import ssl_context
from gunicorn.workers.gthread import TConn, ThreadWorker

SECONDS = 5  # for each piece that the other side sends or takes; nginx asks once it has the whole request


class Worker(ThreadWorker):
    """A thread worker whose TLS is set up once, and whose connections end one by one."""

    def init_process(self) -> None:
        """Load the certificate before anything is accepted: without one the service does not start.

        gunicorn would load it for each connection, in the loop that all wait for, and while it is being replaced.
        """
        context = ssl_context(self.cfg)
        self.cfg.set("ssl_context", lambda _conf, _factory: context)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread.

        gunicorn 23 ends the whole worker, with all it is answering, when a peer resets before TLS begins.
        """
        try:
            conn.init()
        except OSError:  # ssl.SSLError is one
            self.nr_conns -= 1
            conn.close()
        else:
            super().enqueue_req(conn)

    def handle(self, conn: TConn) -> tuple[bool, TConn]:
        """Answer a request, unless its sender keeps the thread waiting."""
        conn.sock.settimeout(SECONDS)
        answered: tuple[bool, Any] = super().handle(conn)
        return answered
