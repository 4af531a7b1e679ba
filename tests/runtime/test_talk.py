from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import portside
from certificates import Certificates
from portside import Stream
from portside.runtime.talk import TalkReport, talk
from shells.kinds import KINDS, pair_of
from worlds import PATIENCE, BlockingWorld

BULK = bytes(range(256)) * 20_000


class Terminal:
    """What a person has: keys to type on, and a screen to read."""

    def __init__(self) -> None:
        self.source, self._keys = os.pipe()
        self._screen, self.sink = os.pipe()
        self._open = {self.source, self._keys, self._screen, self.sink}

    def type(self, data: bytes) -> None:
        os.write(self._keys, data)

    def end(self) -> None:
        self._close(self._keys)

    def see(self, size: int = 65536) -> bytes:
        return os.read(self._screen, size)

    def turn_off_screen(self) -> None:
        self._close(self._screen)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        self.end()  # which wakes whoever waits for a key
        give_up = time.monotonic() + PATIENCE
        while any(thread.name.endswith("(_send_all)") for thread in threading.enumerate()):
            assert time.monotonic() < give_up, "somebody still waits for a key"
        for descriptor in tuple(self._open):
            self._close(descriptor)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


@pytest.fixture
def pair() -> Iterator[tuple[Stream, Stream]]:
    ours, theirs = portside.stream_pair()
    yield ours, theirs
    ours.abort()
    theirs.abort()


class Beside(threading.Thread):
    """Something that goes on beside the test, and whose errors are the test's."""

    def __init__(self, work: Any, *arguments: Any) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._arguments = arguments
        self._answer: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._work(*self._arguments)
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "it did not end"
        if self._error is not None:
            raise self._error
        return self._answer


def echo(stream: Any) -> None:
    while chunk := stream.read(timeout=PATIENCE):
        stream.write(chunk)
    stream.close_write()


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_over_any_kind_of_stream(
    kind: str, terminal: Terminal, certificates: Certificates, tmp_path: Path
) -> None:
    world = BlockingWorld("blocking")
    reports: list[TalkReport] = []

    async def story() -> None:
        async with pair_of(world, kind, certificates, tmp_path) as (client, server):
            naked: Any = (client, server)
            echoing = Beside(echo, naked[1].naked)
            terminal.type(b"ahoy\n")
            terminal.end()
            reports.append(talk(naked[0].naked, terminal.source, terminal.sink))
            echoing.result()

    world.run(story())

    (report,) = reports
    assert terminal.see() == b"ahoy\n"
    assert (report.sent, report.received) == (5, 5)
    assert (report.ending, report.error) == ("peer", None)
    assert 0 < report.seconds < PATIENCE


def test_much_goes_both_ways_at_once(terminal: Terminal, pair: tuple[Stream, Stream]) -> None:
    ours, theirs = pair
    echoing = Beside(echo, theirs)
    talking = Beside(talk, ours, terminal.source, terminal.sink)
    seen = b""

    def type_all() -> None:
        for start in range(0, len(BULK), 65536):
            terminal.type(BULK[start : start + 65536])
        terminal.end()

    typing = Beside(type_all)
    while len(seen) < len(BULK):
        seen += terminal.see()

    assert seen == BULK
    report = talking.result()
    assert (report.sent, report.received, report.ending) == (len(BULK), len(BULK), "peer")
    typing.result()
    echoing.result()


def test_the_peer_hears_of_the_end_and_may_go_on(
    terminal: Terminal, pair: tuple[Stream, Stream]
) -> None:
    ours, theirs = pair
    talking = Beside(talk, ours, terminal.source, terminal.sink)
    terminal.type(b"question")
    terminal.end()

    assert theirs.read_all(timeout=PATIENCE) == b"question"
    theirs.write(b"answer")
    assert terminal.see() == b"answer"
    theirs.write(b"and more")
    assert terminal.see() == b"and more"
    theirs.close()
    assert talking.result().ending == "peer"


def test_it_ends_with_the_peer_though_somebody_might_type(
    terminal: Terminal, pair: tuple[Stream, Stream]
) -> None:
    ours, theirs = pair
    theirs.write(b"bye")
    theirs.close()

    report = talk(ours, terminal.source, terminal.sink)

    assert terminal.see() == b"bye"
    assert (report.sent, report.received, report.ending) == (0, 3, "peer")


# Patience


def test_a_peer_that_stays_silent_after_the_end_is_left(
    terminal: Terminal, pair: tuple[Stream, Stream]
) -> None:
    terminal.type(b"hello?")
    terminal.end()

    report = talk(pair[0], terminal.source, terminal.sink, patience=0.05)

    assert report.ending == "quiet"
    assert isinstance(report.error, TimeoutError)
    assert (report.sent, report.received) == (6, 0)
    assert report.seconds >= 0.05


def test_a_peer_may_be_silent_while_we_have_not_finished(
    terminal: Terminal, pair: tuple[Stream, Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pair
    waits = threading.Semaphore(0)
    read = Stream.read

    def read_and_tell(self: Stream, *arguments: Any, **options: Any) -> bytes:
        try:
            return read(self, *arguments, **options)
        finally:
            waits.release()

    monkeypatch.setattr(Stream, "read", read_and_tell)
    talking = Beside(lambda: talk(ours, terminal.source, terminal.sink, patience=0.01))
    for _ in range(3):
        assert waits.acquire(timeout=PATIENCE)

    theirs.write(b"at last")
    assert terminal.see() == b"at last"
    theirs.close()
    assert talking.result().ending == "peer"


def test_the_patience_begins_with_the_end_of_the_source(
    terminal: Terminal, pair: tuple[Stream, Stream]
) -> None:
    ended_at = []

    def end() -> None:
        ended_at.append(time.monotonic())
        terminal.end()

    ending = threading.Timer(0.2, end)  # in the middle of the first wait for the peer
    ending.start()
    report = talk(pair[0], terminal.source, terminal.sink, patience=0.3)
    quiet_for = time.monotonic() - ended_at[0]
    ending.join()

    assert report.ending == "quiet"
    assert quiet_for >= 0.3


# What breaks


def test_a_reset_is_told(terminal: Terminal, pair: tuple[Stream, Stream]) -> None:
    ours, theirs = pair
    terminal.type(b"hello")
    talking = Beside(talk, ours, terminal.source, terminal.sink)
    theirs.write(b"some")
    assert terminal.see() == b"some"
    assert theirs.peek(5, timeout=PATIENCE) == b"hello"
    ours.write(b"unread")  # so that closing is a reset over a Unix socket, too
    theirs.abort()

    report = talking.result()
    assert (report.ending, report.received) == ("broken", 4)
    assert isinstance(report.error, ConnectionResetError)


def test_tls_that_is_cut_short_is_told(terminal: Terminal, certificates: Certificates) -> None:
    def cut(stream: Stream) -> None:
        stream.write(b"some")
        stream.abort()

    with portside.serve(cut, "tls://127.0.0.1:0", tls=certificates.server_context()) as server:
        client = portside.connect(server.addresses[0], tls=certificates.client_context())
        report = talk(client, terminal.source, terminal.sink)
        client.abort()

    assert report.ending == "broken"
    assert isinstance(report.error, ConnectionResetError | portside.TruncatedStream)


def test_a_screen_that_is_off_is_an_error(terminal: Terminal, pair: tuple[Stream, Stream]) -> None:
    ours, theirs = pair
    theirs.write(b"can you see me?")
    terminal.turn_off_screen()

    with pytest.raises(BrokenPipeError):
        talk(ours, terminal.source, terminal.sink)


def test_a_stream_that_is_closed_meanwhile_ends_it(
    terminal: Terminal, pair: tuple[Stream, Stream]
) -> None:
    ours, theirs = pair
    talking = Beside(talk, ours, terminal.source, terminal.sink)
    theirs.write(b"so far so good")
    assert terminal.see() == b"so far so good"
    ours.close()

    report = talking.result()
    assert (report.ending, report.received) == ("broken", 14)
    assert isinstance(report.error, portside.StreamClosed)


def test_a_report_begins_empty() -> None:
    assert TalkReport() == TalkReport(0, 0, 0.0, "peer", None)
