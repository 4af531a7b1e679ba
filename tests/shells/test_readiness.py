"""Links on a loop that says when a socket is ready."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from portside.aio.readiness import ReadinessLink
from portside.aio.waiter import Waiter
from portside.defaults import RECEIVE_SIZE, UNREAD_BOUND
from shells.kinds import BULK
from shells.rigs import Rig, run_with


def test_input_that_nobody_reads_stays_in_the_kernel_until_somebody_does() -> None:
    async def story(rig: Rig) -> None:
        rig.peer.settimeout(0)
        sent = 0
        for _ in range(200):
            with suppress(BlockingIOError):
                sent += rig.peer.send(BULK[:RECEIVE_SIZE])
            await rig.settle()
        kept = len(rig.inbox)
        assert UNREAD_BOUND <= kept <= UNREAD_BOUND + RECEIVE_SIZE
        assert sent > kept

        rig.inbox.clear()
        parking = asyncio.ensure_future(_park(rig.waiter))
        await rig.settle()
        assert rig.link.moved > kept, "whoever waits makes it read on"
        await parking

    run_with(ReadinessLink, story)


async def _park(waiter: Waiter) -> None:
    await waiter.park()


def test_one_chunk_a_turn_so_that_a_fast_peer_starves_nobody() -> None:
    async def story(rig: Rig) -> None:
        rig.peer.settimeout(0)
        rig.peer.send(BULK[: 3 * RECEIVE_SIZE])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert 0 < len(rig.inbox) <= 2 * RECEIVE_SIZE

    run_with(ReadinessLink, story)


def test_a_parked_task_runs_in_the_callback_that_received() -> None:
    async def story(rig: Rig) -> None:
        seen: list[bytes] = []

        async def reader() -> None:
            await rig.waiter.park()
            seen.append(bytes(rig.inbox.data))

        reading = asyncio.ensure_future(reader())
        await asyncio.sleep(0)
        rig.peer.sendall(b"hello")
        await asyncio.sleep(0)  # one turn: poll, receive, run the task
        await asyncio.sleep(0)
        assert seen == [b"hello"]
        await reading

    run_with(ReadinessLink, story)
