"""What mitogen runs on a server, as the audit account: nothing but the standard library, and nothing of azukari.

It is sent by itself (see channel.py), so that one module in one message is all that travels.
"""

import concurrent.futures
import json
import os
import socket
import subprocess
import types

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def answer(argv: list[str], seconds: float, given: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run one command and return its exit code, output and errors; 124 when it took too long, 127 when missing."""
    try:
        done = subprocess.run(argv, input=given, capture_output=True, env=environment(), timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        return 124, late.stdout or b"", f"no answer within {seconds:.0f} s".encode()
    except OSError as error:
        return 127, b"", f"{argv[0]}: {error.strerror}".encode()
    return done.returncode, done.stdout, done.stderr


def answers(commands: list[list[str]], seconds: float) -> list[tuple[int, bytes, bytes]]:
    """Run commands, four at a time, and return their answers in the order asked."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda argv: answer(argv, seconds), commands))


def environment() -> dict[str, str]:
    """Return the environment of every command: the account's own home, and no other variable of the session."""
    return {**ENVIRONMENT, "HOME": os.environ.get("HOME", "/"), "USER": os.environ.get("USER", "")}


def facts_of_the_service(path: str, seconds: float) -> str:
    """Return what the facts socket answers, as JSON text.

    Raises:
        OSError: nobody listens there, or the answer did not come in time.
    """
    with socket.socket(socket.AF_UNIX) as service:
        service.settimeout(seconds)
        service.connect(path)
        parts = []
        while part := service.recv(1 << 18):
            parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def facts_by_bus(program: str) -> str:
    """Run the facts program's own sections that need the system bus, as this account; return JSON text."""
    module = types.ModuleType("azukari_facts")
    exec(compile(program, "azukari-facts", "exec"), module.__dict__)  # noqa: S102 - azukari's own program, sent along
    return json.dumps(module.answer(module.BUS))


def snapshot(
    path: str, program: str, commands: list[list[str]], facts_seconds: float, seconds: float
) -> tuple[str, str, list[tuple[int, bytes, bytes]]]:
    """Ask everything that is known to be wanted at once, in one round trip.

    Args:
        path: the facts socket.
        program: the facts program's text.
        commands: what was asked last time.
        facts_seconds: how long the facts service may take.
        seconds: how long each command may take.

    Returns:
        the service's JSON text (or a sentence that begins with `error: `), that of the bus, and the commands' answers.
    """
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        service = pool.submit(facts_of_the_service, path, facts_seconds)
        bus = pool.submit(facts_by_bus, program)
        batch = pool.submit(answers, commands, seconds)
        return _text(service), _text(bus), batch.result()


def _text(future: "concurrent.futures.Future[str]") -> str:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other answers must not be lost
        return f"error: {type(error).__name__}: {error}"
