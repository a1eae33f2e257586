"""A round trip of 100 ms in the way to the bastion: a proxy that holds each byte back, and a rule that leads to it."""

import asyncio
import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator

_MARK = 0xA2  # the proxy's own connections are not led back to it
_TABLE = "azukari_bench"


@contextlib.contextmanager
def delayed(address: str, round_trip: float) -> Iterator[None]:
    """Lead this machine's connections to port 22 of an address through a proxy that delays each direction by half.

    Args:
        address: the bastion's IPv4 address, in the lab.
        round_trip: seconds.
    """
    server = _Proxy(address, round_trip / 2)
    server.start()
    rules = f"""
table ip {_TABLE} {{
  chain output {{
    type nat hook output priority -100
    ip daddr {address} tcp dport 22 meta mark != {_MARK} redirect to :{server.port}
  }}
}}"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "ip", _TABLE], check=True)
        server.stop()


class _Proxy(threading.Thread):
    def __init__(self, address: str, one_way: float) -> None:
        super().__init__(daemon=True)
        self._address, self._one_way = address, one_way
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        under_way = asyncio.all_tasks(self._loop)
        for task in under_way:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*under_way, return_exceptions=True))
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(timeout=5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = socket.socket()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, _MARK)
        there.setblocking(False)
        await self._loop.sock_connect(there, (self._address, 22))
        far_reader, far_writer = await asyncio.open_connection(sock=there)
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on each piece when its time has come; several may be under way, as on a long line."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            while True:
                due, piece = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
            writer.close()

        sender = asyncio.create_task(send())
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                queue.put_nowait((self._loop.time() + self._one_way, piece))
        queue.put_nowait((self._loop.time() + self._one_way, b""))
        with contextlib.suppress(OSError):
            await sender
