from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from certificates import Certificates
from portside.aio import FramedStream, Stream
from portside.runtime import wellknown
from portside.runtime.wellknown import WELL_KNOWN, Chat, chargen, daytime, discard, echo
from portside.wire import Lines
from shells.kinds import KINDS, pair_of
from worlds import PATIENCE, LoopWorld, World

BULK = bytes(range(256)) * 80_000  # more than all the kernel's buffers on the way hold

Pair: TypeAlias = Callable[[World], AbstractAsyncContextManager[tuple[Stream, Stream]]]


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, certificates: Certificates, tmp_path: Path) -> Pair:
    """Give connected streams of each kind, in a world."""
    return lambda world: pair_of(world, request.param, certificates, tmp_path)


async def end_of(serving: Any, stream: Stream) -> None:
    """Wait until a handler is done with a stream, and close it as a server does."""
    await serving.result()
    await stream.close()


# The one-liners


async def test_echo_sends_back_what_comes_until_the_client_ends(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        serving = world.spawn(echo(server))
        for question in (b"one", b"\x00\xff", b"three\r\n"):
            await client.write(question)
            assert await client.read_exactly(len(question), timeout=PATIENCE) == question

        await client.close_write()
        await end_of(serving, server)
        assert await client.read(timeout=PATIENCE) == b""


async def test_echo_waits_for_a_client_that_does_not_read(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        serving = world.spawn(echo(server))
        with pytest.raises(TimeoutError):
            await client.write(BULK, timeout=0.2)
        assert server.moved < 2 * len(BULK)

        finishing = world.spawn(finish(client))
        assert await client.read_exactly(len(BULK), timeout=PATIENCE) == BULK
        await finishing.result()
        await end_of(serving, server)


async def finish(client: Stream) -> None:
    await client.flush(timeout=PATIENCE)
    await client.close_write(timeout=PATIENCE)


async def test_discard_takes_everything_and_says_nothing(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        serving = world.spawn(discard(server))
        await client.write(BULK, timeout=PATIENCE)
        await client.close_write()

        await end_of(serving, server)
        assert await client.read(timeout=PATIENCE) == b""
        assert server.moved >= len(BULK)


async def test_discard_ends_when_the_client_resets_right_behind_its_words(
    world: World, certificates: Certificates, tmp_path: Path
) -> None:
    async with pair_of(world, "tcp", certificates, tmp_path) as (client, server):
        await client.write(b"famous last words")
        client.abort()
        # Both are in the kernel by now, and a loop hears of both at once.
        serving = world.spawn(discard(server))

        with pytest.raises(ConnectionResetError):
            await serving.result()


async def test_chargen_writes_lines_until_the_client_has_had_enough(
    world: World, pair: Pair
) -> None:
    async with pair(world) as (client, server):
        serving = world.spawn(chargen(server))
        lines = [await client.read_line(timeout=PATIENCE) for _ in range(200)]
        assert await client.read_exactly(1_000_000, timeout=PATIENCE)
        client.abort()

        await end_of(serving, server)
        assert {len(line) for line in lines} == {72}
        assert all(0x20 <= character < 0x7F for line in lines for character in line)
        assert all(later[:-1] == earlier[1:] for earlier, later in pairwise(lines))


async def test_daytime_tells_the_time_and_hangs_up(world: World, pair: Pair) -> None:
    async with pair(world) as (client, server):
        before = datetime.now().astimezone().replace(microsecond=0)
        await end_of(world.spawn(daytime(server)), server)
        told = (await client.read_all(timeout=PATIENCE)).decode()

        assert told.endswith("\r\n")
        found = re.match(r"\w+, \w+ \d\d, \d{4} \d\d:\d\d:\d\d", told)
        assert found is not None
        time = datetime.strptime(found[0], "%A, %B %d, %Y %H:%M:%S").replace(tzinfo=before.tzinfo)
        assert before <= time <= datetime.now().astimezone()


def test_every_service_is_in_the_list_and_says_what_it_does() -> None:
    for name, make in WELL_KNOWN.items():
        handler = make()
        assert type(handler).__doc__ if isinstance(handler, Chat) else handler.__doc__, name
    assert WELL_KNOWN["echo"]() is WELL_KNOWN["echo"]()
    assert WELL_KNOWN["chat"]() is not WELL_KNOWN["chat"]()


# The chat

Guest: TypeAlias = FramedStream[bytes]


class Room:
    """A chat that is served, and its door.

    Attributes:
        errors: What its handlers ended with.
    """

    def __init__(self, world: World, client_context: ssl.SSLContext | None) -> None:
        self.errors: list[BaseException] = []
        self.guests: list[Guest] = []
        self.server: Any = None
        self._world = world
        self._context = client_context

    async def enter(self, name: bytes | None) -> Guest:
        """Let somebody in, who tells a name or none."""
        address = self.server.addresses[0]
        stream = await self._world.shell.connect(address, tls=self._context)
        guest: Guest = stream.framed(Lines(limit=2000))
        self.guests.append(guest)
        assert await heard(guest) == b"Your name?"
        if name is not None:
            await guest.send(name)
        return guest

    async def everybody_leaves(self) -> None:
        for guest in self.guests:
            await guest.stream.close()
        await self._world.until(lambda: not self.server.connections)


@asynccontextmanager
async def open_room(
    world: World, kind: str, certificates: Certificates, folder: Path
) -> AsyncIterator[Room]:
    target = f"unix:{folder}/chat.sock" if kind == "unix" else f"{kind}://127.0.0.1:0"
    tls = kind == "tls"
    room = Room(world, certificates.client_context() if tls else None)
    async with world.shell.serve(
        Chat(),
        target,
        tls=certificates.server_context() if tls else None,
        grace=0,
        on_error=lambda error, _: room.errors.append(error),
    ) as room.server:
        try:
            yield room
        finally:
            await room.everybody_leaves()


@pytest.fixture
def chat(
    request: pytest.FixtureRequest,
    loop_world: LoopWorld,
    certificates: Certificates,
    tmp_path: Path,
) -> AbstractAsyncContextManager[Room]:
    kind = getattr(request, "param", "tcp")
    return open_room(loop_world, kind, certificates, tmp_path)


async def heard(guest: Guest) -> bytes:
    return await guest.receive(timeout=PATIENCE)


OpenRoom: TypeAlias = AbstractAsyncContextManager[Room]


@pytest.mark.parametrize("chat", ["tcp", "unix", "tls"], indirect=True)
async def test_whatever_one_says_all_the_others_read(loop_world: LoopWorld, chat: OpenRoom) -> None:
    del loop_world
    async with chat as room:
        anne = await room.enter(b"Anne")
        bob = await room.enter(b"Bob")
        assert await heard(anne) == b"* Bob joined; 2 here"
        cleo = await room.enter(b"Cleo")
        assert await heard(anne) == await heard(bob) == b"* Cleo joined; 3 here"

        await bob.send(b"ahoy")
        assert await heard(anne) == await heard(cleo) == b"Bob: ahoy"
        await anne.send(b"ahoy yourself")
        assert await heard(bob) == await heard(cleo) == b"Anne: ahoy yourself"

        await cleo.stream.close()
        assert await heard(anne) == await heard(bob) == b"* Cleo left"


async def test_a_name_is_found_for_everybody(loop_world: LoopWorld, chat: OpenRoom) -> None:
    del loop_world
    async with chat as room:
        first = await room.enter(b"Anne")
        await room.enter(b"   ")
        assert await heard(first) == b"* somebody joined; 2 here"
        await room.enter(b" Anne ")
        second = await heard(first)
        assert second.startswith(b"* Anne-")
        await room.enter(b"x" * 500)
        assert await heard(first) == b"* %b joined; 4 here" % (b"x" * 32)


async def test_no_two_have_the_same_name(loop_world: LoopWorld, chat: OpenRoom) -> None:
    del loop_world
    async with chat as room:
        listener = await room.enter(b"listener")
        other = await room.enter(b"other")
        await heard(listener)
        names = []
        for _ in range(2):
            await room.enter(b"Anne")
            names.append((await heard(listener)).partition(b" joined")[0])
        await other.stream.close()
        while await heard(listener) != b"* other left":
            pass
        await room.enter(b"Anne")
        names.append((await heard(listener)).partition(b" joined")[0])

        assert len(set(names)) == 3, names


async def test_who_leaves_before_telling_a_name_was_never_there(
    loop_world: LoopWorld, chat: OpenRoom
) -> None:
    del loop_world
    async with chat as room:
        anne = await room.enter(b"Anne")
        nobody = await room.enter(None)
        await nobody.stream.close()
        await room.enter(b"Bob")

        assert await heard(anne) == b"* Bob joined; 2 here"


async def test_a_line_that_is_accepted_is_read_by_the_others(
    loop_world: LoopWorld, chat: OpenRoom
) -> None:
    del loop_world
    async with chat as room:
        anne = await room.enter(b"Anne")
        bob = await room.enter(b"Bob")
        assert await heard(anne) == b"* Bob joined; 2 here"

        await bob.send(b"x" * 1000)  # as long as a line may be
        await bob.send(b"and on")

        assert await heard(anne) == b"Bob: " + b"x" * 1000
        assert await heard(anne) == b"Bob: and on"


async def test_who_says_too_much_has_to_leave(loop_world: LoopWorld, chat: OpenRoom) -> None:
    del loop_world
    async with chat as room:
        anne = await room.enter(b"Anne")
        bob = await room.enter(b"Bob")
        assert await heard(anne) == b"* Bob joined; 2 here"

        await bob.send(b"x" * 1500)

        assert b"limit of 1000" in await heard(bob)
        assert await heard(anne) == b"* Bob left"


async def test_who_does_not_read_is_shown_out(
    loop_world: LoopWorld, chat: OpenRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    del loop_world
    monkeypatch.setattr(wellknown, "CHAT_PATIENCE", 0.02)
    async with chat as room:
        speaker = await room.enter(b"speaker")
        await room.enter(b"deaf")
        assert await heard(speaker) == b"* deaf joined; 2 here"

        said = 0
        while not speaker.stream.buffered:
            await speaker.send(b"x" * 900, timeout=PATIENCE)
            said += 1
            assert said < 100_000, "the deaf one is still there"

        assert await heard(speaker) == b"* deaf left"
        late = await room.enter(b"late")
        assert await heard(speaker) == b"* late joined; 2 here"
        await speaker.send(b"you came late")
        while await heard(late) != b"speaker: you came late":
            pass  # what was said before may come, too


async def test_who_is_shown_out_is_no_fault_of_the_program(
    loop_world: LoopWorld, chat: OpenRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wellknown, "CHAT_PATIENCE", 0.02)
    async with chat as room:
        speaker = await room.enter(b"speaker")
        await room.enter(b"deaf")
        assert await heard(speaker) == b"* deaf joined; 2 here"
        while not speaker.stream.buffered:
            await speaker.send(b"x" * 900, timeout=PATIENCE)
        await loop_world.until(lambda: len(room.server.connections) == 1)

        assert room.errors == []
