"""The simplest service, and a client of it."""

from __future__ import annotations

import ssl
from typing import Any

from worlds import World


async def echo(stream: Any) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def ask(world: World, address: Any, tls: ssl.SSLContext | None = None) -> bytes:
    """Send a line to an echo service and return what comes back."""
    async with world.shell.connect(address, tls=tls) as stream:
        await stream.write(b"hello\n")
        answer: bytes = await stream.read_line()
        return answer
