from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from portside.errors import FrameTooLarge
from portside.wire.buffer import Mark, ReceiveBuffer
from wire.scans import counted

TOKENS = st.sampled_from([b"a", b"b", b"c", b"ab", b"abc", b"\r", b"\n", b"\r\n", b"\n\n"])
CHUNKS = st.lists(TOKENS, max_size=4).map(b"".join)
MANY = st.lists(TOKENS, min_size=5, max_size=25).map(b"".join)
COUNTS = st.integers(0, 6)
DELIMITERS = st.sampled_from(
    [(b"\n",), (b"\r\n",), (b"\r\n", b"ab"), (b"\n", b"\r\n"), (b"abc", b"b"), (b"aa",), (b"abca",)]
)


def first_of(delimiters: tuple[bytes, ...], data: bytes) -> tuple[int, int] | None:
    """Return where the delimiter that is complete first starts and ends; of two, the longer."""
    for end in range(1, len(data) + 1):
        for delimiter in sorted(delimiters, key=len, reverse=True):
            if data[:end].endswith(delimiter):
                return end - len(delimiter), end
    return None


# Hypothesis leaves some rules out of each run; without appends little is left to look at.
filled = precondition(lambda machine: machine.model)


class BufferBesideModel(RuleBasedStateMachine):
    """Does the same to a buffer and to plain bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = ReceiveBuffer()
        self.model = b""
        self.to_skip = 0
        self.skip_until: tuple[bytes, ...] = ()
        self.skipped = b""
        self.before: tuple[Mark, bytes, int, tuple[bytes, ...], bytes] | None = None

    @property
    def skipping(self) -> bool:
        return bool(self.to_skip or self.skip_until)

    def model_skips(self, count: int) -> None:
        self.to_skip = max(0, count - len(self.model))
        self.model = self.model[count:]

    def model_skips_through(self, delimiters: tuple[bytes, ...]) -> None:
        found = first_of(delimiters, self.model)
        if found is not None:
            self.model = self.model[found[1] :]
        else:
            self.skip_until, self.skipped, self.model = delimiters, self.model, b""

    @rule(chunk=CHUNKS | MANY)
    def append(self, chunk: bytes) -> None:
        self.before = None
        self.buffer.append(chunk)
        if self.skip_until:
            delimiters, self.skip_until = self.skip_until, ()
            self.model = self.skipped + chunk
            self.model_skips_through(delimiters)
        else:
            self.model += chunk
            self.model_skips(self.to_skip)

    @precondition(lambda self: not self.skipping)
    @rule(data=CHUNKS | MANY)
    def unread(self, data: bytes) -> None:
        self.before = None
        self.buffer.unread(data)
        self.model = data + self.model

    @precondition(lambda self: not self.skipping and len(self.model) > 50)
    @rule()
    def clear(self) -> None:
        self.before = None
        self.buffer.clear()
        self.model = b""

    @filled
    @rule(count=COUNTS)
    def take(self, count: int) -> None:
        taken = self.buffer.take(count)
        if count > len(self.model):
            assert taken is None
        else:
            self.expect(taken, self.model[:count])
            self.model = self.model[count:]

    @filled
    @rule(count=COUNTS)
    def take_up_to(self, count: int) -> None:
        self.expect(self.buffer.take_up_to(count), self.model[:count])
        self.model = self.model[count:]

    @filled
    @rule(count=COUNTS)
    def take_into(self, count: int) -> None:
        target = bytearray(b"?" * count)
        taken = self.buffer.take_into(memoryview(target))
        assert taken == min(count, len(self.model))
        assert target == self.model[:taken] + b"?" * (count - taken)
        self.model = self.model[taken:]

    @filled
    @rule(count=COUNTS)
    def peek(self, count: int) -> None:
        peeked = self.buffer.peek(count)
        if count > len(self.model):
            assert peeked is None
        else:
            self.expect(peeked, self.model[:count])

    @filled
    @rule(count=COUNTS)
    def peek_up_to(self, count: int) -> None:
        self.expect(self.buffer.peek_up_to(count), self.model[:count])

    @filled
    @rule(limit=COUNTS)
    def take_line(self, limit: int) -> None:
        line, newline, rest = self.model.partition(b"\n")
        line = line.removesuffix(b"\r") if newline else line
        self.compare(
            lambda: self.buffer.take_line(limit),
            limit,
            (line, rest) if newline else None,
            hopeless=len(self.model) > limit + 1,
            delimiters=(b"\n",),
        )

    @filled
    @rule(delimiters=DELIMITERS, limit=COUNTS, keep=st.booleans())
    def take_until(self, delimiters: tuple[bytes, ...], limit: int, *, keep: bool) -> None:
        found = first_of(delimiters, self.model)
        self.compare(
            lambda: self.buffer.take_until(delimiters, limit, keep=keep),
            limit,
            None if found is None else (self.model[: found[0]], self.model[found[1] :]),
            hopeless=len(self.model) >= limit + max(map(len, delimiters)),
            delimiters=delimiters,
            kept=self.model[found[0] : found[1]] if found and keep else b"",
        )

    def compare(
        self,
        take: Callable[[], bytes | None],
        limit: int,
        parted: tuple[bytes, bytes] | None,
        *,
        hopeless: bool,
        delimiters: tuple[bytes, ...],
        kept: bytes = b"",
    ) -> None:
        if parted is None and not hopeless:
            assert take() is None
        elif parted is None:
            with pytest.raises(FrameTooLarge) as unfinished:
                take()
            assert (unfinished.value.limit, unfinished.value.size) == (limit, None)
            self.model_skips_through(delimiters)
        elif len(parted[0]) > limit:
            with pytest.raises(FrameTooLarge) as finished:
                take()
            assert (finished.value.limit, finished.value.size) == (limit, len(parted[0]))
            self.model = parted[1]
        else:
            self.expect(take(), parted[0] + kept)
            self.model = parted[1]

    @filled
    @rule(count=COUNTS | st.integers(7, 60))
    def skip(self, count: int) -> None:
        self.buffer.skip(count)
        self.model_skips(count)

    @filled
    @rule(delimiters=DELIMITERS)
    def skip_through(self, delimiters: tuple[bytes, ...]) -> None:
        self.buffer.skip_through(delimiters)
        self.model_skips_through(delimiters)

    @filled
    @rule()
    def mark(self) -> None:
        state = self.model, self.to_skip, self.skip_until, self.skipped
        self.before = self.buffer.mark(), *state

    @precondition(lambda self: self.before is not None)
    @rule()
    def rewind(self) -> None:
        assert self.before is not None
        mark, self.model, self.to_skip, self.skip_until, self.skipped = self.before
        self.buffer.rewind(mark)

    def expect(self, taken: bytes | None, expected: bytes) -> None:
        assert taken == expected
        assert type(taken) is bytes

    @invariant()
    def both_hold_the_same(self) -> None:
        assert len(self.buffer) == len(self.model)
        assert bool(self.buffer.data) == bool(self.model)
        assert self.buffer.peek_up_to(1000) == self.model
        assert self.buffer.skipping == self.skipping


TestBufferBesideModel = BufferBesideModel.TestCase
TestBufferBesideModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_an_empty_buffer_has_nothing_but_nothing() -> None:
    buffer = ReceiveBuffer()

    assert [buffer.take(0), buffer.peek(0), buffer.take_up_to(5), buffer.peek_up_to(5)] == [b""] * 4
    assert [buffer.take(1), buffer.peek(1)] == [None, None]
    assert [buffer.take_line(0), buffer.take_until((b"ab",), 0)] == [None, None]
    assert buffer.take_into(memoryview(bytearray(5))) == 0


def test_a_negative_count_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match=r"-1 bytes cannot be taken"):
        ReceiveBuffer().take(-1)


# What to do about bytes that are still to come


@pytest.mark.parametrize("place", range(9))
def test_a_delimiter_ends_the_skipping_wherever_it_is_cut(place: int) -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"abcanext"[:place])

    buffer.skip_through((b"abca",))
    buffer.append(b"abcanext"[place:])

    assert buffer.take_up_to(100) == b"next"


def test_a_delimiter_may_be_the_first_that_arrives() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b";\n")

    assert buffer.take_until((b";",), 0) == b""
    assert buffer.take_line(0) == b""


def test_what_is_put_back_is_not_skipped_with_the_rest_of_a_refused_frame() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"ab")
    buffer.skip(4)

    buffer.unread(b"kept")
    buffer.append(b"cdef")

    assert buffer.take_up_to(100) == b"keptef"


def test_what_is_put_back_does_not_end_the_skipping_up_to_a_delimiter() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"too long")
    buffer.skip_through((b"\n",))

    buffer.unread(b"kept\n")
    buffer.append(b"rest\nnext")

    assert buffer.take_up_to(100) == b"kept\nnext"


def test_one_skip_after_another_skips_the_bytes_of_both() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"a")
    buffer.skip(4)
    buffer.skip(2)

    buffer.append(b"bcdefnext")

    assert buffer.take_up_to(100) == b"next"


def test_a_cleared_buffer_skips_nothing() -> None:
    buffer = ReceiveBuffer()
    buffer.skip(4)

    buffer.clear()

    assert not buffer.skipping
    buffer.append(b"abcdef")
    assert buffer.take_up_to(100) == b"abcdef"


# The work is linear in the bytes


def test_a_chunk_that_finds_the_buffer_empty_is_kept_as_it_came() -> None:
    buffer = ReceiveBuffer()
    chunk = b"one\ntwo\n"

    buffer.append(chunk)
    assert buffer.data is chunk
    buffer.take_line(10)
    assert buffer.data is chunk
    assert buffer.take(4) == b"two\n"
    assert not buffer.data


def test_chunks_that_find_more_than_themselves_waiting_are_appended_in_place() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"x" * 1000)
    buffer.append(b"y")
    content = buffer.data

    for _ in range(1000):
        buffer.append(b"y")

    assert buffer.data is content
    assert len(buffer) == 2001


def test_bytes_that_were_taken_do_not_pile_up() -> None:
    buffer = ReceiveBuffer()
    for _ in range(1000):
        buffer.append(b"x" * 10)
        buffer.take_up_to(9 if len(buffer) < 100 else 10)
        assert len(buffer.data) < 200


@pytest.mark.parametrize(
    "search",
    [
        lambda buffer: buffer.take_line(1 << 20),
        lambda buffer: buffer.take_until((b"\n",), 1 << 20),
        lambda buffer: buffer.take_until((b"\r\n", b"END"), 1 << 20),
    ],
    ids=["take_line", "take_until one", "take_until several"],
)
@pytest.mark.parametrize("step", [1, 100])
def test_an_endless_line_is_searched_once(
    search: Callable[[ReceiveBuffer], bytes | None], step: int
) -> None:
    buffer = ReceiveBuffer()
    content = counted(buffer)

    for _ in range(5000 // step):
        buffer.append(b"x" * step)
        assert search(buffer) is None

    # Two delimiters are sought one after the other, from two bytes before what is new.
    assert content.looked_at < 2 * (5000 + 3 * 5000 // step)


def test_a_search_for_something_else_starts_from_the_front() -> None:
    buffer = ReceiveBuffer()
    buffer.append(b"a;b,c")
    assert buffer.take_line(10) is None
    assert buffer.take_until((b"\n",), 10) is None

    assert buffer.take_until((b";",), 10) == b"a"
    assert buffer.take_until((b",",), 10) == b"b"
    assert buffer.take_until((b";",), 10) is None
    assert buffer.take_until((b"c",), 10) == b""


@pytest.mark.parametrize("size", [1, 1 << 16])
def test_a_line_of_a_mebibyte_arrives_in_pieces_of_any_size(size: int) -> None:
    length = 1 << 16 if size == 1 else 1 << 20
    buffer = ReceiveBuffer()
    for _ in range(length // size):
        buffer.append(b"x" * size)
        assert buffer.take_line(length) is None
    buffer.append(b"\n")

    assert buffer.take_line(length) == b"x" * length
