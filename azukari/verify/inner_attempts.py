"""What is tried at the site's inner connections in order to be refused (LEAK-05); sent to a host as text, as it is.

It takes on its standard input where to go and by which ways: without TLS, and with certificates that must be refused.
It prints a JSON list of what came of each. Nothing is written: keys are handed to OpenSSL, which takes them from files
alone, in memory that has a path.
"""

import contextlib
import json
import os
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SECONDS = 8.0  # for each step; a service that is just being restarted is waited for
AT_ONCE = 4  # connections
PROTOCOL = 196608  # PostgreSQL's protocol 3.0, “StartupMessage”
SSL_REQUEST = struct.pack(">II", 8, 80877103)  # “SSLRequest”
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

Place = dict[str, Any]  # name, address, port, speaks (`http` or `postgres`), site (to ask for), role, ca, ways
Way = dict[str, str]  # `plain`, `version`, `certificate` and `key`, each only where it is meant
Came = dict[str, str]


def context_of(ca: str, way: Way) -> ssl.SSLContext:
    """Return a client's context that verifies the server, and shows the way's certificate."""
    context = ssl.create_default_context(cadata=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = VERSIONS[way.get("version", "1.3")]
    if "certificate" in way:
        number = os.memfd_create("decoy")
        with open(number, "w", encoding="ascii") as memory:  # noqa: PTH123 - it has no path but this
            memory.write(way["certificate"] + way["key"])
            memory.flush()
            context.load_cert_chain(f"/proc/self/fd/{number}")
    return context


def words(error: OSError) -> str:
    """Return an error in words; never none."""
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else (error.strerror or str(error) or "it hung up")


def asked(connection: socket.socket, place: Place) -> Came:
    """Say what an honest client would say first, and return what was answered, or how it was refused."""
    postgres = place["speaks"] == "postgres"
    with contextlib.suppress(OSError):  # whoever has refused already, has said why: that is still to be read
        connection.sendall(startup(place["role"]) if postgres else request(place["site"]))
    said = connection.recv(4096)
    if not said:
        return {"said": "it closed the connection"}
    if postgres and said[:1] == b"E":
        fields = [part.decode(errors="replace") for part in said[5:].split(b"\0")]
        return {"said": next((f"FATAL: {one[1:]}" for one in fields if one[:1] == "M"), "FATAL")}
    if postgres:
        return {"answer": "it lets the role in, or asks for its password" if said[:1] == b"R" else repr(said[:80])}
    if said.startswith(b"HTTP/"):
        return {"answer": said.split(b"\r\n", 1)[0].decode(errors="replace")}
    # What is no HTTP is TLS: an alert (RFC 8446, 5.1: 21) says that plain text is not understood.
    return {"said": "a TLS alert"} if said[:1] == b"\x15" else {"answer": repr(said[:80])}


def request(site: str) -> bytes:
    """Return a request to the forms; it asks for a page, and sends nothing."""
    return f"GET /contact/ HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n".encode()


def startup(role: str) -> bytes:
    """Return how a client begins with PostgreSQL: as which role, to which database."""
    said = struct.pack(">I", PROTOCOL) + f"user\0{role}\0database\0site\0\0".encode()
    return struct.pack(">I", len(said) + 4) + said


def tried(place: Place, name: str, way: Way) -> Came:
    """Return what came of one way at one place.

    Returns:
        `reached`: `yes`, or why there was no connection; `server`: `proven` when its own certificate was the CA's, in
        its name, or why not; `answer`: what it answered, which a refusal does not; `said`: the refusal in words.
    """
    came = {"to": place["name"], "address": place["address"], "way": name}
    came |= {"reached": "yes", "server": "", "answer": "", "said": ""}
    try:
        connection = socket.create_connection((place["address"], int(place["port"])), SECONDS)
    except OSError as error:
        return came | {"reached": words(error)}
    with connection:
        try:
            return came | spoken(connection, place, way)
        except TimeoutError:
            return came | {"said": ""}  # silence is no refusal
        except OSError as error:
            return came | {"said": words(error)}


def spoken(connection: socket.socket, place: Place, way: Way) -> Came:
    """Go one way over an open connection; see `tried`."""
    if "plain" in way:
        return asked(connection, place)
    if place["speaks"] == "postgres":
        connection.sendall(SSL_REQUEST)
        if connection.recv(1) != b"S":
            return {"answer": "it does without TLS"}
    try:
        tls = context_of(place["ca"], way).wrap_socket(connection, server_hostname=place["name"])
    except ssl.SSLCertVerificationError as error:
        return {"server": error.verify_message}
    with tls:
        # In TLS 1.3 a server refuses a certificate only after the client has done its part, so that it is asked on.
        try:
            return {"server": "proven", **asked(tls, place)}
        except TimeoutError:
            return {"server": "proven"}
        except OSError as error:
            return {"server": "proven", "said": words(error)}


def main() -> None:
    """Try every way at every place, and print what came of it."""
    tries = [(place, name, way) for place in json.load(sys.stdin) for name, way in place["ways"].items()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda one: tried(*one), tries))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
