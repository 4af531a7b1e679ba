from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from portside.errors import EndOfStream, FrameTooLarge, HandshakeFailed, StreamClosed
from portside.plans.serving import Ledger, ServerSettings, ServerStats, is_async


def settings(**changed: Any) -> ServerSettings:
    defaults: dict[str, Any] = {
        "max_connections": None,
        "max_per_peer": None,
        "handshake_timeout": 10.0,
        "idle_timeout": None,
        "grace": 10.0,
    }
    return ServerSettings(**{**defaults, **changed})


def ledger(**changed: Any) -> Ledger[str]:
    return Ledger(settings(**changed))


def with_one(connection: str = "c", **changed: Any) -> Ledger[str]:
    books = ledger(**changed)
    books.admit("peer")
    books.enter(connection, "peer")
    return books


# Settings


@pytest.mark.parametrize("name", ["max_connections", "max_per_peer"])
@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_lets_somebody_in(name: str, limit: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^{name} is at least 1, or None for no limit, not {limit}$"
    ):
        settings(**{name: limit})
    assert getattr(settings(**{name: 1}), name) == 1


@pytest.mark.parametrize(("timeout", "told"), [(0, "0"), (0.0, "0"), (-0.5, "-0.5")])
def test_an_idle_timeout_leaves_some_time(timeout: float, told: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^idle_timeout is over 0, or None for no limit, not {told}$"
    ):
        settings(idle_timeout=timeout)
    assert settings(idle_timeout=0.001).idle_timeout == 0.001


# Blocking or async


async def async_handler(stream: object) -> None:
    """Do nothing."""


def blocking_handler(stream: object) -> None:
    """Do nothing."""


class AsyncCall:
    async def __call__(self, stream: object) -> None: ...

    async def method(self, stream: object) -> None: ...


class BlockingCall:
    def __call__(self, stream: object) -> None: ...

    def method(self, stream: object) -> None: ...


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        (async_handler, True),
        (AsyncCall(), True),
        (AsyncCall().method, True),
        (functools.partial(async_handler), True),
        (blocking_handler, False),
        (BlockingCall(), False),
        (BlockingCall().method, False),
        (functools.partial(blocking_handler), False),
        (print, False),
        (lambda _: None, False),
    ],
)
def test_an_async_handler_is_seen(handler: Callable[..., object], *, answer: bool) -> None:
    assert is_async(handler) is answer


# Who is there


def test_connections_are_listed_in_the_order_in_which_they_came() -> None:
    books = ledger()
    for connection in "abc":
        books.admit("peer")
        books.enter(connection, "peer")

    assert list(books.connections) == ["a", "b", "c"]
    books.leave("b")
    assert list(books.connections) == ["a", "c"]
    assert books.stats() == ServerStats(accepted=3, open=2)


def test_a_server_is_full_from_the_admission_on_and_not_once_somebody_has_left() -> None:
    books = ledger(max_connections=1)
    assert not books.full

    assert books.admit("peer")
    assert books.full
    books.enter("c", "peer")
    assert books.full
    books.leave("c")
    assert not books.full


def test_a_peer_with_too_many_is_refused_and_counted() -> None:
    books = with_one(max_per_peer=1)

    assert not books.admit("peer")
    assert not books.admit("peer")
    assert books.admit("another")
    assert books.stats() == ServerStats(accepted=1, open=1, refused=2)
    books.leave("c")
    assert books.admit("peer")


def test_an_admission_that_came_to_nothing_is_taken_back() -> None:
    books = ledger(max_connections=1, max_per_peer=1)
    books.admit("peer")

    books.dismiss("peer")

    assert not books.full
    assert books.admit("peer")
    assert books.stats() == ServerStats()


def test_the_counters_are_those_of_the_moment() -> None:
    books = with_one()
    before = books.stats()
    before.refused = 99

    books.leave("c")

    assert before.open == 1
    assert books.stats() == ServerStats(accepted=1)


# What happened


@pytest.mark.parametrize(
    "error",
    [ValueError("bug"), OSError("disk"), EndOfStream(), FrameTooLarge(5), KeyboardInterrupt()],
)
def test_a_handler_that_raises_is_counted_and_reported(error: BaseException) -> None:
    books = with_one()

    assert books.judge("c", error, greeting=False)
    assert books.stats() == ServerStats(accepted=1, open=1, handler_failures=1)


@pytest.mark.parametrize(
    "error",
    [
        HandshakeFailed("http request"),
        TimeoutError("late"),
        ConnectionResetError(104, "gone"),
        ssl.SSLError("odd"),
    ],
)
def test_a_handshake_that_fails_is_counted_apart_and_reported(error: Exception) -> None:
    books = with_one()

    assert books.judge("c", error, greeting=True)
    assert books.stats() == ServerStats(accepted=1, open=1, handshake_failures=1)


def test_a_bug_in_the_handshake_is_a_failure_like_others() -> None:
    books = with_one()

    assert books.judge("c", TypeError("bug"), greeting=True)
    assert books.stats() == ServerStats(accepted=1, open=1, handler_failures=1)


@pytest.mark.parametrize("greeting", [True, False])
@pytest.mark.parametrize(
    "error", [StreamClosed(), EndOfStream(), ConnectionAbortedError(), EOFError()]
)
def test_what_our_own_cut_causes_is_neither_counted_nor_reported(
    error: Exception, *, greeting: bool
) -> None:
    books = with_one()

    books.cut("c")

    assert not books.judge("c", error, greeting=greeting)
    assert books.stats() == ServerStats(accepted=1, open=1)


def test_a_bug_that_our_cut_uncovers_is_reported() -> None:
    books = with_one()
    books.cut("c")

    assert books.judge("c", KeyError("bug"), greeting=False)
    assert books.stats().handler_failures == 1


def test_a_cut_of_a_silent_connection_is_counted() -> None:
    books = with_one()

    books.cut("c", idle=True)
    assert not books.judge("c", StreamClosed(), greeting=False)
    books.leave("c")

    assert books.stats() == ServerStats(accepted=1, idle_timeouts=1)


def test_a_cut_concerns_one_connection_and_ends_with_it() -> None:
    books = with_one("first")
    books.admit("peer")
    books.enter("second", "peer")
    books.cut("first")
    assert books.judge("second", OSError("its own"), greeting=False)

    books.leave("first")
    books.admit("peer")
    books.enter("first", "peer")

    assert books.judge("first", OSError("of the next one by that name"), greeting=False)
    assert books.stats().handler_failures == 2
