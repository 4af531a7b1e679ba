"""The servers that are measured: each echoes lines, in the idiom of its library.

    python bench/servers.py SUBJECT asyncio|uvloop

Prints the port it listens on.  Then it answers each line on stdin with the CPU seconds that it
has used so far, and ends when stdin does.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, cast

from portside.aio import EndOfStream, Lines, Stream, serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LIMIT = 1 << 20


# asyncio's own


async def streams() -> int:
    """Serve with asyncio streams: readline, write, drain."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=LIMIT)
    port: int = server.sockets[0].getsockname()[1]
    return port


class Echo(asyncio.Protocol):
    """Sends chunks back without looking for lines: the least that a loop can do."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._write = cast("asyncio.WriteTransport", transport).write

    def data_received(self, data: bytes) -> None:
        """Send it back."""
        self._write(data)


async def protocol() -> int:
    """Serve with a raw Protocol."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


# portside


async def portside_framed() -> int:
    """Serve a line at a time, through the framing."""

    async def handle(stream: Stream) -> None:
        lines = stream.framed(Lines(limit=LIMIT))
        async for line in lines:
            await lines.send(line)

    return await _served(handle)


async def portside_read_line() -> int:
    """Serve a line at a time, from the stream."""

    async def handle(stream: Stream) -> None:
        try:
            while True:
                await stream.write(await stream.read_line(limit=LIMIT) + b"\n")
        except EndOfStream:
            return

    return await _served(handle)


async def portside_batches() -> int:
    """Serve all the lines that are here at a time."""

    async def handle(stream: Stream) -> None:
        lines = stream.framed(Lines(limit=LIMIT))
        try:
            while True:
                await lines.send_many(await lines.receive_many())
        except EndOfStream:
            return

    return await _served(handle)


async def _served(handle: Callable[[Stream], Awaitable[None]]) -> int:
    server = await serve(handle, "127.0.0.1:0")
    server.start()
    return server.port


SUBJECTS: dict[str, Callable[[], Awaitable[int]]] = {
    "streams": streams,
    "protocol": protocol,
    "framed": portside_framed,
    "read_line": portside_read_line,
    "batches": portside_batches,
}


def answer_for_cpu_time() -> None:
    """Print the CPU time for each line on stdin; a thread that waits there costs none."""
    for _ in sys.stdin:
        print(time.process_time(), flush=True)
    os._exit(0)


async def main(subject: str) -> None:
    """Serve until stdin ends."""
    print(await SUBJECTS[subject](), flush=True)
    threading.Thread(target=answer_for_cpu_time, daemon=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(sys.argv[1]))
    else:
        asyncio.run(main(sys.argv[1]))
