"""Links on a loop that only says when it is done."""

from __future__ import annotations

import asyncio
import os

from portside.aio.completion import CompletionLink
from portside.aio.waiter import Waiter
from portside.defaults import UNREAD_BOUND
from shells.kinds import BULK
from shells.rigs import Rig, run_with


async def park(waiter: Waiter) -> None:
    await waiter.park()


def test_who_gives_up_waiting_does_not_cancel_the_read_that_is_under_way() -> None:
    async def story(rig: Rig) -> None:
        waiting = asyncio.create_task(park(rig.waiter))
        await rig.settle()
        waiting.cancel()
        rig.peer.sendall(b"hello")
        await rig.settle()
        assert bytes(rig.inbox.data) == b"hello"

    run_with(CompletionLink, story)


def test_input_that_nobody_reads_stays_in_the_kernel_until_somebody_does() -> None:
    async def story(rig: Rig) -> None:
        sending = asyncio.create_task(asyncio.to_thread(rig.peer.sendall, BULK))
        while len(rig.inbox) < UNREAD_BOUND:
            await rig.settle()
        await rig.settle()
        kept = len(rig.inbox)
        assert kept < len(BULK) // 2
        while rig.link.moved < len(BULK):
            rig.inbox.clear()
            await rig.waiter.park()
        await sending

    run_with(CompletionLink, story)


def test_the_number_of_a_closed_socket_is_not_reused_under_the_loop() -> None:
    async def story(rig: Rig) -> None:
        number = rig.sock.fileno()
        await rig.settle()  # the task that receives is in a call of the loop now
        rig.link.close()
        assert os.fstat(number), "it stays open until that call is over"
        await rig.settle()
        assert rig.sock.fileno() < 0

    run_with(CompletionLink, story)
