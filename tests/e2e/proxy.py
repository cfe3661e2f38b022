"""A TCP proxy that misbehaves on request: it stands between the gateway and a system, so that no product code needs
hooks for crashes or stalls."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable
from typing import Literal

Mode = Literal["pass", "stall", "reset"]


class Proxy:
    """Forwards bytes to `target` in a thread of its own.

    `mode` "stall" passes requests on and holds every answer back until the mode changes; "reset" passes requests on and
    breaks the connection instead of answering. `mutate` changes answers on the way; `delay_s` gives a random delay
    between its two values to each chunk of an answer. All of them may be set at any time.
    """

    def __init__(self, target: tuple[str, int], seed: int = 1) -> None:
        self.target = target
        self.mode: Mode = "pass"
        self.mutate: Callable[[bytes], bytes] = lambda chunk: chunk
        self.delay_s = (0.0, 0.0)
        self.answers_held = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there_reader, there_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _break(writer)
            return
        pumps = [
            asyncio.create_task(self._requests(reader, there_writer)),
            asyncio.create_task(self._answers(there_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()
            there_writer.close()
            self._tasks.discard(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                if self.delay_s[1]:
                    await asyncio.sleep(self._random.uniform(*self.delay_s))
                if self.mode == "stall":
                    self.answers_held += 1
                    while self.mode == "stall":  # noqa: ASYNC110 - the mode is set from another thread
                        await asyncio.sleep(0.01)
                if self.mode == "reset":
                    self.answers_held += 1
                    _break(writer)
                    return
                writer.write(self.mutate(chunk))
                await writer.drain()


def _break(writer: asyncio.StreamWriter) -> None:
    """Close with RST, so that the peer sees a broken connection rather than an orderly end."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
