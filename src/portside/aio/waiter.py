"""Parking a task, and waking it in place.

Problem: when bytes arrive for a task that waits for them, asyncio's way is a new Future,
``set_result``, a callback through ``call_soon``, and one more turn of the loop with a system
call of its own.  Measured, that is about a third of what an echoed line costs.

Choice: each stream has one Future that is never resolved.  A task parks on it as on any
other, so that cancelling, timeouts, task groups and debug mode work as they always do.  Who
wakes it takes the task's callback off that Future and calls it, in the task's own context.
The task cannot tell the difference: the callback asks the future it is handed for its
result, and gets one that is done.

Limits: waking in place runs the task inside the caller, so only a callback of the loop may
do it, never another task; everyone else uses ``wake_soon``.  It needs ``Future._callbacks``,
which the C and the Python futures of CPython 3.4 to 3.14 have, and uvloop uses those.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

__all__ = ["Waiter"]


class Waiter:
    """Parks one task at a time.

    Attributes:
        parked: Whether a task is waiting.
        before_parking: What to do when a task is about to wait, once; or None.
    """

    __slots__ = ("_done", "_future", "_loop", "before_parking", "parked")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._future: asyncio.Future[None] = loop.create_future()
        self._done: asyncio.Future[None] = loop.create_future()
        self._done.set_result(None)
        self.parked = False
        self.before_parking: Callable[[], None] | None = None

    @types.coroutine
    def park(self) -> Generator[asyncio.Future[None], None, None]:
        """Wait until woken, which may be for no reason: look again.

        Raises:
            asyncio.CancelledError: If the task is cancelled; nothing is lost then.
        """
        if self.before_parking is not None:
            act, self.before_parking = self.before_parking, None
            act()
        future = self._future
        if future.done():
            # A task was cancelled while it was parked here.
            future = self._future = self._loop.create_future()
        self.parked = True
        # What ``Future.__await__`` does, but for the check that the future is done after.
        future._asyncio_future_blocking = True
        try:
            yield future
        finally:
            self.parked = False

    def wake(self) -> None:
        """Run the parked task until it waits again; only for callbacks of the loop."""
        callbacks = self._future._callbacks
        if callbacks:
            callback, context = callbacks[0]
            self._future.remove_done_callback(callback)
            context.run(callback, self._done)

    def wake_soon(self) -> None:
        """Have the parked task run on the next turn of the loop."""
        if self.parked:
            self._loop.call_soon(self.wake)
