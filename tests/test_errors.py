from __future__ import annotations

import copy
import errno
import inspect
import pickle
import re
from typing import Any

import pytest

import portside
from portside import errors
from portside.addresses import Address
from portside.errors import (
    AddressError,
    BindError,
    ConnectError,
    ConnectTimeout,
    EndOfStream,
    FrameTooLarge,
    HandshakeFailed,
    IncompleteRead,
    PortsideError,
    ProtocolError,
    StreamBusy,
    StreamClosed,
    TruncatedStream,
    UnsendablePayload,
)
from portside.plans.connecting import Attempt

REFUSED = Attempt(
    Address.parse("unix:/x"),
    0.0,
    0.001,
    "failed",
    ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
)
SILENT = Attempt(Address.parse("unix:/y"), 0.25, 2.0, "abandoned")

PARENTS: dict[type[PortsideError], tuple[type[BaseException], ...]] = {
    PortsideError: (Exception,),
    AddressError: (PortsideError, ValueError),
    BindError: (PortsideError, OSError),
    ConnectError: (PortsideError, ConnectionError),
    ConnectTimeout: (ConnectError, TimeoutError),
    EndOfStream: (PortsideError, EOFError),
    IncompleteRead: (EndOfStream,),
    StreamClosed: (PortsideError, OSError),
    StreamBusy: (PortsideError, RuntimeError),
    UnsendablePayload: (PortsideError, ValueError),
    ProtocolError: (PortsideError,),
    FrameTooLarge: (ProtocolError,),
    HandshakeFailed: (ProtocolError, ConnectionError),
    TruncatedStream: (ProtocolError,),
}
"""Each class, and what it is besides: a builtin that callers catch already."""

TOLD: list[tuple[PortsideError, str, dict[str, Any]]] = [
    (PortsideError("oops"), "oops", {}),
    (
        AddressError("x", "it has no port"),
        "'x': it has no port",
        {"text": "x", "reason": "it has no port"},
    ),
    (
        BindError("tcp://*:80", "it is in use"),
        "cannot listen on tcp://*:80: it is in use",
        {"address": "tcp://*:80", "reason": "it is in use", "owners": (), "errno": None},
    ),
    (
        BindError("tcp://*:80", "it is in use", ["nginx (pid 7)", "sshd (pid 8)"], 98),
        "cannot listen on tcp://*:80: it is in use by nginx (pid 7), sshd (pid 8)",
        {"owners": ("nginx (pid 7)", "sshd (pid 8)"), "errno": 98},
    ),
    (
        BindError("tcp://*:80", "it is in use", errno=98),
        "cannot listen on tcp://*:80: it is in use",
        {"owners": (), "errno": 98},
    ),
    (
        ConnectError("h:80", [REFUSED, SILENT]),
        "cannot connect to h:80: unix:/x: connection refused after 1 ms; unix:/y: no answer in 2 s",
        {"target": "h:80", "attempts": (REFUSED, SILENT), "reason": ""},
    ),
    (
        ConnectError("unix:/x", [REFUSED]),
        "cannot connect to unix:/x: connection refused after 1 ms",
        {"target": "unix:/x", "attempts": (REFUSED,), "reason": ""},
    ),
    (
        ConnectError("tcp://h:80", reason="the name cannot be looked up"),
        "cannot connect to tcp://h:80: the name cannot be looked up",
        {"attempts": (), "reason": "the name cannot be looked up"},
    ),
    (
        ConnectTimeout("tcp://h:80", (SILENT,), "the 2 s are over"),
        "cannot connect to tcp://h:80: the 2 s are over; unix:/y: no answer in 2 s",
        {"target": "tcp://h:80", "attempts": (SILENT,), "reason": "the 2 s are over"},
    ),
    (EndOfStream(), "the peer finished sending", {}),
    (EndOfStream("it hung up"), "it hung up", {}),
    (
        IncompleteRead(b"abc", 8),
        "the peer finished sending after 3 bytes of 8 bytes",
        {"partial": b"abc", "expected": 8},
    ),
    (
        IncompleteRead(b""),
        "the peer finished sending after 0 bytes of a whole message",
        {"partial": b"", "expected": None},
    ),
    (StreamClosed(), "this stream is closed", {}),
    (StreamClosed("this listener is closed"), "this listener is closed", {}),
    (StreamBusy(), "another reader is waiting on this stream", {}),
    (StreamBusy("another is accepting"), "another is accepting", {}),
    (UnsendablePayload("a newline within"), "a newline within", {}),
    (ProtocolError("a size of 5 digits"), "a size of 5 digits", {}),
    (
        FrameTooLarge(10, 11),
        "the peer sent a message of 11 bytes, over the limit of 10",
        {"limit": 10, "size": 11},
    ),
    (
        FrameTooLarge(10),
        "the peer sent a message of more bytes, over the limit of 10",
        {"limit": 10, "size": None},
    ),
    (
        HandshakeFailed("no shared cipher"),
        "the TLS handshake failed: no shared cipher",
        {"reason": "no shared cipher"},
    ),
    (
        TruncatedStream(),
        "the connection ended without TLS close_notify: what was read may be cut short",
        {},
    ),
]
"""An error, what it says, and the facts that it has as attributes."""

each = pytest.mark.parametrize(
    ("error", "text", "facts"), TOLD, ids=[type(error).__name__ for error, *_ in TOLD]
)


def known(error: BaseException) -> dict[str, str]:
    """Return the facts of an error as text, as two OSErrors are never equal."""
    names = {"args", "errno", "strerror", "filename", *vars(error)}
    return {name: repr(getattr(error, name, None)) for name in names}


@pytest.mark.parametrize("kind", PARENTS, ids=lambda kind: kind.__name__)
def test_an_error_is_also_the_builtin_that_callers_catch(kind: type[PortsideError]) -> None:
    assert kind.__bases__ == PARENTS[kind]


def test_no_error_is_missing_from_these_tests() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }

    assert defined == set(errors.__all__) == {kind.__name__ for kind in PARENTS}
    assert {type(error) for error, *_ in TOLD} == set(PARENTS)


def test_every_error_is_at_the_front_door() -> None:
    assert set(errors.__all__) <= set(portside.__all__)
    assert all(getattr(portside, name) is getattr(errors, name) for name in errors.__all__)


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    drawn = re.findall(
        r"^[ │├└─]*?(\w+) *(?:\(also (\w+)\))?.*$", str(errors.__doc__), re.MULTILINE
    )
    tree = {name: builtin for name, builtin in drawn if name in errors.__all__}

    assert tree == {
        kind.__name__: next((one.__name__ for one in parents if one.__module__ == "builtins"), "")
        for kind, parents in {**PARENTS, PortsideError: ()}.items()
    }


@each
def test_an_error_says_who_what_and_why(error: PortsideError, text: str, facts: object) -> None:
    del facts
    assert str(error) == text


@each
def test_the_facts_are_attributes(error: PortsideError, text: str, facts: dict[str, Any]) -> None:
    del text
    assert {name: getattr(error, name) for name in facts} == facts


@each
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_the_way_to_another_process(
    error: PortsideError, text: str, facts: object, protocol: int
) -> None:
    del facts

    arrived = pickle.loads(pickle.dumps(error, protocol))

    assert type(arrived) is type(error)
    assert str(arrived) == text
    assert known(arrived) == known(error)


@each
def test_a_copy_of_an_error_is_one(error: PortsideError, text: str, facts: object) -> None:
    del facts

    for made in (copy.copy(error), copy.deepcopy(error)):
        assert str(made) == text
        assert known(made) == known(error)


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (BindError("tcp://*:80", "it is in use", errno=errno.EADDRINUSE), OSError),
        (ConnectTimeout("tcp://h:80"), TimeoutError),
        (ConnectTimeout("tcp://h:80"), ConnectionError),
        (ConnectTimeout("tcp://h:80"), OSError),
        (IncompleteRead(b""), EOFError),
        (StreamClosed(), OSError),
        (HandshakeFailed("no"), OSError),
        (AddressError("x", "y"), ValueError),
    ],
)
def test_code_that_catches_the_builtin_goes_on_working(
    error: PortsideError, also: type[Exception]
) -> None:
    with pytest.raises(also) as caught:
        raise error

    assert caught.value is error


def test_an_error_is_no_builtin_that_promises_too_much() -> None:
    # A refusal is no ConnectionRefusedError: other addresses may have failed otherwise.
    assert not issubclass(ConnectError, ConnectionRefusedError | TimeoutError)
    assert not issubclass(ProtocolError, OSError)
    assert not issubclass(EndOfStream, OSError)
