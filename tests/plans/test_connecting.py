from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.virtual_net import DEAD, Answer, VirtualNet, bad, good
from portside.addresses import Address, HostAddress, Inet4Address, Inet6Address, UnixAddress
from portside.errors import ConnectError, ConnectTimeout, HandshakeFailed
from portside.plans.connecting import (
    Attempt,
    News,
    Resolve,
    Start,
    connect_first,
    handshake_failed,
)
from portside.plans.steps import Clock

TARGET = HostAddress("example.org", 443)
SIX = [Inet6Address(f"2001:db8::{n}", 443) for n in range(1, 5)]
FOUR = [Inet4Address(f"192.0.2.{n}", 443) for n in range(1, 5)]
A, B, C, D = SIX[0], FOUR[0], SIX[1], FOUR[1]
QUEUE = UnixAddress("/run/app.sock")

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
UNREACHABLE = OSError(errno.ENETUNREACH, "Network is unreachable")
FULL = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

Answers = Mapping[Address, Sequence[Answer]]


def connect(
    net: VirtualNet, timeout: float | None = 30.0, delay: float = 0.25
) -> tuple[Address, tuple[Attempt, ...]]:
    return net.run(connect_first(TARGET, timeout=timeout, attempt_delay=delay))


def at(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-6)


def at_each(seconds: list[float]) -> Any:
    return pytest.approx(seconds, abs=1e-6)


# The race


@pytest.mark.parametrize(
    ("answers", "winner", "took", "starts"),
    [
        pytest.param({A: good(0.05)}, A, 0.05, [0], id="one that answers"),
        pytest.param({A: good(0.05), B: good(0.01)}, A, 0.05, [0], id="the first is in time"),
        pytest.param({A: good(0.3), B: good(0.01)}, B, 0.26, [0, 0.25], id="the second is faster"),
        pytest.param({A: good(0.3), B: good(0.2)}, A, 0.3, [0, 0.25], id="the first all the same"),
        pytest.param({A: DEAD, B: good(0.01)}, B, 0.26, [0, 0.25], id="the first is dead"),
        pytest.param(
            {A: bad(0.01, REFUSED), B: good(0.01)}, B, 0.02, [0, 0.01], id="refused, go on"
        ),
        pytest.param({A: bad(0, REFUSED), B: good(0)}, B, 0, [0, 0], id="all of it at once"),
        pytest.param(
            {A: DEAD, C: DEAD, B: DEAD, D: good(0.1)}, D, 0.85, [0, 0.25, 0.5, 0.75], id="the last"
        ),
        pytest.param(
            {A: bad(0.1, REFUSED), C: DEAD, B: bad(0.1, REFUSED), D: good(0.1)},
            D,
            0.55,
            [0, 0.1, 0.2, 0.45],
            id="a failure shortens one wait",
        ),
        pytest.param(
            {A: bad(0.3, REFUSED), B: DEAD, C: DEAD, D: good(0.01)},
            D,
            0.56,
            [0, 0.25, 0.3, 0.55],
            id="a late failure of the first one",
        ),
    ],
)
def test_the_first_address_that_answers_wins(
    answers: Answers, winner: Address, took: float, starts: list[float]
) -> None:
    net = VirtualNet(answers)

    won, attempts = connect(net)

    assert won == winner
    assert net.elapsed == at(took)
    assert [start for start, _ in net.starts_after()] == at_each(starts)
    assert [attempt.address for attempt in attempts] == [address for _, address in net.starts]
    assert [attempt.address for attempt in attempts if attempt.outcome == "connected"] == [winner]


def test_families_take_turns_at_the_pace_that_was_chosen() -> None:
    net = VirtualNet(dict.fromkeys([*SIX[:3], *FOUR[:2]], DEAD))

    with pytest.raises(ConnectTimeout):
        connect(net, delay=1.0)

    assert net.starts_after() == [
        (0, SIX[0]),
        (1, FOUR[0]),
        (2, SIX[1]),
        (3, FOUR[1]),
        (4, SIX[2]),
    ]


def test_without_a_timeout_only_news_end_the_wait() -> None:
    net = VirtualNet({A: good(1e6)})

    won, _ = connect(net, timeout=None)

    assert won == A
    assert net.lookups == [None]
    assert net.elapsed == at(1e6)


# The deadline


def test_the_lookup_gets_all_of_the_time_and_the_race_what_is_left() -> None:
    net = VirtualNet({A: DEAD, B: DEAD, C: DEAD, D: good(0.125)}, lookup_takes=9.5)

    won, attempts = connect(net, timeout=10.0, delay=5.0)

    assert net.lookups == [10.0]
    assert [start for start, _ in net.starts_after()] == at_each([9.5, 9.625, 9.75, 9.875])
    assert (won, net.elapsed) == (D, at(10.0))
    assert [attempt.started for attempt in attempts] == at_each([9.5, 9.625, 9.75, 9.875])


def test_when_the_time_is_up_all_that_were_asked_are_named() -> None:
    net = VirtualNet({A: DEAD, B: bad(0.01, REFUSED), C: DEAD})

    with pytest.raises(ConnectTimeout, match=r"cannot connect to .*: the 3 s are over; ") as caught:
        connect(net, timeout=3.0)

    assert net.elapsed == at(3.0)
    assert [(one.address, one.outcome) for one in caught.value.attempts] == [
        (A, "abandoned"),
        (B, "failed"),
        (C, "abandoned"),
    ]
    assert [one.elapsed for one in caught.value.attempts] == at_each([3.0, 0.01, 2.74])
    assert caught.value.__cause__ is REFUSED
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("timeout", [3.0, 0.0])
def test_a_lookup_that_uses_up_the_time_leaves_none_for_the_race(timeout: float) -> None:
    net = VirtualNet({A: good(0)}, lookup_takes=timeout)

    with pytest.raises(ConnectTimeout, match=rf"the {timeout:g} s are over"):
        connect(net, timeout=timeout)

    assert net.starts == []


# The lookup fails


def test_a_lookup_that_takes_too_long_is_told_as_that() -> None:
    net = VirtualNet({A: good(0)}, lookup_takes=60.0)

    with pytest.raises(ConnectTimeout, match=r"the name was not looked up within 30 s") as caught:
        connect(net)

    assert net.elapsed == at(30.0)
    assert caught.value.attempts == ()


@pytest.mark.parametrize("timeout", [30.0, None])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            r"the name cannot be looked up: Name or service not known",
        ),
        (OSError("label too long"), r"the name cannot be looked up: label too long"),
        (TimeoutError(errno.ETIMEDOUT, "Connection timed out"), r"looked up"),
    ],
)
def test_a_name_that_cannot_be_looked_up_is_told_with_the_reason(
    error: OSError, reason: str, timeout: float | None
) -> None:
    net = VirtualNet({}, found=error, lookup_takes=1.0)

    with pytest.raises(ConnectError, match=reason) as caught:
        connect(net, timeout=timeout)

    assert caught.value.__cause__ is error
    assert caught.value.attempts == ()
    assert caught.value.target == str(TARGET)


# Everybody fails


def test_when_every_address_fails_each_error_is_told() -> None:
    net = VirtualNet({A: bad(0.125, UNREACHABLE), B: bad(0.5, REFUSED)})

    with pytest.raises(ConnectError) as caught:
        connect(net)

    assert not isinstance(caught.value, TimeoutError)
    assert [(one.address, one.error) for one in caught.value.attempts] == [
        (A, UNREACHABLE),
        (B, REFUSED),
    ]
    assert str(caught.value) == (
        f"cannot connect to {TARGET}: {A}: network is unreachable after 125 ms; "
        f"{B}: connection refused after 500 ms"
    )
    group = caught.value.__cause__
    assert isinstance(group, ExceptionGroup)
    assert group.exceptions == (UNREACHABLE, REFUSED)


def test_when_the_only_address_fails_its_error_is_the_cause() -> None:
    with pytest.raises(ConnectError) as caught:
        connect(VirtualNet({A: bad(0.125, REFUSED)}))

    assert caught.value.__cause__ is REFUSED


# Attempts


def test_every_attempt_is_recorded_with_its_time_and_its_error() -> None:
    net = VirtualNet({A: DEAD, B: bad(0.0625, REFUSED), C: good(0.125)}, lookup_takes=2.0)

    _, attempts = connect(net)

    assert attempts == (
        Attempt(A, 2.0, 0.4375, "abandoned"),
        Attempt(B, 2.25, 0.0625, "failed", REFUSED),
        Attempt(C, 2.3125, 0.125, "connected"),
    )


@pytest.mark.parametrize("news", [[(A, REFUSED), (B, None)], [(B, None), (A, REFUSED)]])
def test_a_failure_that_is_told_with_the_success_is_recorded(news: object) -> None:
    plan = connect_first(TARGET, timeout=None, attempt_delay=0.0)
    assert [next(plan), plan.send(0.0)] == [Clock(), Resolve(TARGET, None)]
    assert [plan.send([A, B]), plan.send(0.0)] == [Clock(), Clock()]
    assert [plan.send(0.0), plan.send(None)] == [Start(A), Start(B)]
    assert [plan.send(None), plan.send(news)] == [News(None), Clock()]

    with pytest.raises(StopIteration) as finished:
        plan.send(0.5)

    _, attempts = finished.value.value
    assert [one.outcome for one in attempts] == ["failed", "connected"]


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (Attempt(B, 0.0, 0.01234, "connected"), f"{B}: connected in 12.3 ms"),
        (Attempt(B, 0.0, 2.5, "connected"), f"{B}: connected in 2.5 s"),
        (Attempt(B, 0.0, 30.0, "abandoned"), f"{B}: no answer in 30 s"),
        (Attempt(B, 0.0, 0.002, "failed", REFUSED), f"{B}: connection refused after 2 ms"),
        (Attempt(B, 0.0, 1.0, "failed", OSError("Odd")), f"{B}: odd after 1 s"),
    ],
)
def test_an_attempt_tells_its_story(attempt: Attempt, told: str) -> None:
    assert str(attempt) == told


# A Unix listener whose queue is full


def test_a_full_queue_is_tried_again_until_there_is_room() -> None:
    net = VirtualNet({QUEUE: [*bad(0, FULL) * 9, Answer(0)]})

    won, attempts = connect(net)

    assert won == QUEUE
    pauses = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05, 0.05]
    assert [start for start, _ in net.starts_after()] == at_each(
        [sum(pauses[:tries]) for tries in range(10)]
    )
    assert attempts == (Attempt(QUEUE, 0.0, at(sum(pauses)), "connected"),)


def test_a_queue_that_stays_full_is_tried_until_the_time_is_up() -> None:
    net = VirtualNet({QUEUE: bad(0, FULL)})

    with pytest.raises(ConnectTimeout, match=r"resource temporarily unavailable") as caught:
        connect(net, timeout=1.0)

    assert net.elapsed == at(1.0)
    assert len(net.starts) == 25
    assert [one.error for one in caught.value.attempts] == [FULL]
    assert caught.value.__cause__ is FULL


def test_who_was_tried_again_and_has_not_answered_did_not_fail() -> None:
    net = VirtualNet({A: [*bad(0, FULL), *DEAD]})

    with pytest.raises(ConnectTimeout) as caught:
        connect(net, timeout=1.0)

    assert caught.value.attempts == (Attempt(A, 0.0, at(1.0), "abandoned"),)


# The TLS handshake


def test_a_handshake_that_fails_is_a_connect_that_failed() -> None:
    attempts = (Attempt(B, 0.0, 0.01, "connected"),)
    cause = HandshakeFailed("http request")

    error = handshake_failed(TARGET, attempts, cause, 30.0)

    assert type(error) is ConnectError
    assert error.attempts == attempts
    assert error.__cause__ is cause
    assert str(error) == (
        f"cannot connect to {TARGET}: the TLS handshake failed: http request; "
        f"{B}: connected in 10 ms"
    )


def test_a_handshake_that_takes_too_long_is_a_connect_that_timed_out() -> None:
    cause = TimeoutError()

    error = handshake_failed(TARGET, (), cause, 2.5)

    assert isinstance(error, ConnectTimeout)
    assert error.__cause__ is cause
    assert error.reason == "the TLS handshake was not over within 2.5 s"


# Giving up


@pytest.mark.parametrize("steps", range(9))
@pytest.mark.parametrize("how", [GeneratorExit, KeyboardInterrupt, OSError])
def test_a_connect_can_be_given_up_at_every_step(steps: int, how: type[BaseException]) -> None:
    net = VirtualNet({A: DEAD, B: DEAD})
    plan = connect_first(TARGET, timeout=30.0, attempt_delay=0.25)
    step = next(plan)
    for _ in range(steps):
        step = plan.send(net.perform(step))

    with pytest.raises(how):
        plan.throw(how())

    with pytest.raises(StopIteration):
        next(plan)


# Whatever the network does

ANSWER = st.builds(
    Answer,
    st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.3, 1.0, 5.0]),
    st.sampled_from([None, REFUSED, UNREACHABLE, FULL]),
) | st.just(DEAD[0])


@settings(max_examples=150, deadline=None)
@given(
    answers=st.dictionaries(
        st.sampled_from([*SIX, *FOUR]), st.lists(ANSWER, min_size=1, max_size=3), min_size=1
    ),
    timeout=st.sampled_from([0.05, 0.5, 1.0, 4.0]),
    lookup_takes=st.sampled_from([0.0, 0.3]),
)
def test_a_connect_ends_in_time_and_knows_what_happened(
    answers: dict[Address, list[Answer]], timeout: float, lookup_takes: float
) -> None:
    net = VirtualNet(answers, lookup_takes=lookup_takes)

    try:
        won, attempts = connect(net, timeout)
    except ConnectError as error:
        attempts = error.attempts
        assert {one.outcome for one in attempts} <= {"failed", "abandoned"}
        if not isinstance(error, TimeoutError):
            assert {one.address for one in attempts} == set(answers)
            assert {one.outcome for one in attempts} == {"failed"}
    else:
        assert [one.address for one in attempts if one.outcome == "connected"] == [won]

    assert net.elapsed <= timeout + 1e-6
    assert [one.address for one in attempts] == list(dict.fromkeys(one for _, one in net.starts))
    for one in attempts:
        assert (one.error is not None) == (one.outcome == "failed")
        assert one.started >= lookup_takes - 1e-6
        assert one.started + one.elapsed <= net.elapsed + 1e-6
