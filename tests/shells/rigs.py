"""A link of either async kind, taken out of its stream."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from portside.aio.completion import CompletionLink
from portside.aio.readiness import ReadinessLink
from portside.aio.waiter import Waiter
from portside.wire.inbox import Inbox
from worlds import PATIENCE


class Rig:
    """A link, what it delivers to, and the other end."""

    def __init__(self, kind: type[ReadinessLink | CompletionLink]) -> None:
        loop = asyncio.get_running_loop()
        self.sock, self.peer = socket.socketpair()
        self.sock.settimeout(0)
        self.inbox = Inbox()
        self.waiter = Waiter(loop)
        self.link = kind(self.sock, loop, self.inbox, self.waiter)

    async def settle(self) -> None:
        """Let the loop do what it has to do."""
        for _ in range(8):
            await asyncio.sleep(0)

    async def end(self) -> None:
        if self.sock.fileno() >= 0:
            self.link.close()
        self.peer.close()
        await self.settle()


def run_with(
    kind: type[ReadinessLink | CompletionLink],
    story: Callable[[Rig], Coroutine[Any, Any, None]],
) -> None:
    """Tell a story about a link, on a loop that can serve either kind."""

    async def tell() -> None:
        rig = Rig(kind)
        try:
            await story(rig)
        finally:
            await rig.end()

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(asyncio.wait_for(tell(), PATIENCE))
