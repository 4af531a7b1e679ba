"""Connected pairs of streams of every kind, in any world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from certificates import Certificates
from portside.aio import Listener, Stream
from worlds import World

KINDS = ["tcp", "unix", "tls", "pair"]

Pair: TypeAlias = Callable[[World], AbstractAsyncContextManager[tuple[Stream, Stream]]]

BULK = bytes(range(256)) * 40_000  # 10 MB, which no kernel buffer takes at once


@asynccontextmanager
async def pair_of(
    world: World, kind: str, certificates: Certificates, folder: Path
) -> AsyncIterator[tuple[Stream, Stream]]:
    """Give a client's stream and the server's end of it, and close both at the end."""
    if kind == "pair":
        client, server = world.shell.stream_pair()
    else:
        client, server = await _accepted(world, kind, certificates, folder)
    try:
        yield client, server
    finally:
        # Whatever a story did to them, they go; an abort of a closed one does nothing.
        client.abort()
        server.abort()


def being_read(stream: Stream) -> bool:
    """Return whether somebody waits in a read; no user needs to know, so no name says so."""
    return _is_set(stream, "_transport", "_reading")


def being_accepted(listener: Listener) -> bool:
    """Return whether somebody waits in accept."""
    return _is_set(listener, "_acceptor", "_busy")


def _is_set(outer: object, part: str, name: str) -> bool:
    """Return whether a flag of a part of either shell is set: a bool, or a lock."""
    lock_or_flag = getattr(getattr(outer, part), name)
    return bool(lock_or_flag.locked() if hasattr(lock_or_flag, "locked") else lock_or_flag)


async def _accepted(
    world: World, kind: str, certificates: Certificates, folder: Path
) -> tuple[Stream, Stream]:
    target = f"unix:{folder}/pair.sock" if kind == "unix" else f"{kind}://127.0.0.1:0"
    tls = certificates.server_context() if kind == "tls" else None
    async with world.shell.listen(target, tls=tls) as listener:
        accepting = world.spawn(_accept(listener))
        context = certificates.client_context() if kind == "tls" else None
        client = await world.shell.connect(listener.addresses[0], tls=context)
        server = await accepting.result()
    return client, server


async def _accept(listener: object) -> Stream:
    stream: Stream = await listener.accept()  # type: ignore[attr-defined]  # of either shell
    await stream.handshake()
    return stream


async def send_and_end(stream: Stream, data: bytes) -> None:
    await stream.write(data)
    await stream.close_write()
