from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import portside
from portside import aio, defaults
from portside.system.options import KeepAlive
from portside.wire import Delimited, LengthPrefix, Lines

TREE = ast.parse(Path(str(defaults.__file__)).read_text(encoding="utf-8"))

VALUES = {
    "MAX_LINE": 65536,
    "MAX_FRAME": 1048576,
    "MAX_READ_ALL": 67108864,
    "RECEIVE_SIZE": 65536,
    "SEND_SIZE": 65536,
    "LONGEST_TIMEOUT": 2147483.0,
    "CONNECT_TIMEOUT": 30.0,
    "ATTEMPT_DELAY": 0.25,
    "BUSY_PAUSE_SHORTEST": 0.001,
    "BUSY_PAUSE_LONGEST": 0.05,
    "ABORT_PATIENCE": 1.0,
    "GRACE": 10.0,
    "HANDSHAKE_TIMEOUT": 10.0,
    "MAX_CONNECTIONS": 10000,
    "ACCEPT_PAUSE_SHORTEST": 0.01,
    "ACCEPT_PAUSE_LONGEST": 1.0,
    "ACCEPT_REPORT_INTERVAL": 10.0,
    "IDLE_CHECKS": 4,
    "UNREAD_BOUND": 262144,
    "CORK_BOUND": 65536,
    "READY_AT_ONCE": 64,
    "TURNS": 256,
    "LEAVING_PATIENCE": 0.1,
    "CLOSE_TIMEOUT": 5.0,
    "KEEPALIVE_IDLE": 15,
    "KEEPALIVE_INTERVAL": 15,
    "KEEPALIVE_COUNT": 9,
    "TLS_CHUNK": 262144,
    "FOLDER_LOCK_PATIENCE": 1.0,
    "FOLDER_LOCK_PAUSE": 0.005,
    "BIND_ROUNDS": 16,
    "BACKLOG": 4096,
    "ACCEPT_TURNS": 64,
    "CHAT_PATIENCE": 1.0,
    "PORT": 8000,
}
"""Each number, once more: who changes one is to do it on purpose, and tell its users."""

UNITS = {
    float: {"seconds"},
    int: {"bytes", "connections", "seconds", "operations", "ports", "how"},
}
"""How the docstring of a number begins: with what it counts, bar an adjective."""


def numbers() -> dict[str, tuple[ast.AnnAssign, str]]:
    """Return each number and the docstring below it; those in a row share one."""
    found: dict[str, tuple[ast.AnnAssign, str]] = {}
    waiting: list[ast.AnnAssign] = []
    for node in TREE.body:
        if isinstance(node, ast.AnnAssign):
            waiting.append(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and waiting:
            found |= {ast.unparse(one.target): (one, str(node.value.value)) for one in waiting}
            waiting.clear()
    return found | {ast.unparse(one.target): (one, "") for one in waiting}


NUMBERS = numbers()


def test_a_number_is_changed_on_purpose() -> None:
    assert {name: getattr(defaults, name) for name in NUMBERS} == VALUES


def test_everything_in_the_file_is_a_number_of_ours() -> None:
    public = {name for name in vars(defaults) if name.isupper()}

    assert public == set(NUMBERS)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_final_and_positive(name: str) -> None:
    assert ast.unparse(NUMBERS[name][0].annotation) == "Final"
    assert getattr(defaults, name) > 0


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_says_its_unit_and_its_reason(name: str) -> None:
    _, text = NUMBERS[name]
    unit, _, reason = text.strip().partition("\n\n")

    assert unit, f"write below {name} what it counts"
    if name != "PORT":  # a port is a name, and stands for itself
        counted = {word.lower() for word in unit.split()[:2]}
        assert counted & UNITS[type(getattr(defaults, name))], f"begin {name} with its unit"
        assert reason, f"say why {name} is what it is, and where that comes from"


@pytest.mark.parametrize("name", [name for name in NUMBERS if "KiB" in NUMBERS[name][1]])
def test_a_size_in_words_is_the_size(name: str) -> None:
    told = re.search(r"\((\d+) KiB\)", NUMBERS[name][1])

    assert told is None or int(told[1]) * 1024 == getattr(defaults, name)


@pytest.mark.parametrize(
    ("shortest", "longest"),
    [
        (defaults.BUSY_PAUSE_SHORTEST, defaults.BUSY_PAUSE_LONGEST),
        (defaults.ACCEPT_PAUSE_SHORTEST, defaults.ACCEPT_PAUSE_LONGEST),
        (defaults.FOLDER_LOCK_PAUSE, defaults.FOLDER_LOCK_PATIENCE),
        (defaults.MAX_LINE, defaults.MAX_FRAME),
        (defaults.MAX_FRAME, defaults.MAX_READ_ALL),
        (defaults.ABORT_PATIENCE, defaults.GRACE),
        # malloc maps pages anew for every read from here on; see RECEIVE_SIZE.
        (defaults.RECEIVE_SIZE, 128 * 1024 - 1),
        (4 * defaults.RECEIVE_SIZE, defaults.UNREAD_BOUND),
    ],
)
def test_numbers_that_belong_together_fit_together(shortest: float, longest: float) -> None:
    assert shortest <= longest


def test_a_dead_peer_is_noticed_after_as_long_as_it_says() -> None:
    silence = defaults.KEEPALIVE_IDLE + defaults.KEEPALIVE_COUNT * defaults.KEEPALIVE_INTERVAL

    assert silence == 2.5 * 60
    assert "2.5 minutes" in NUMBERS["KEEPALIVE_COUNT"][1]


@pytest.mark.parametrize("door", [portside, aio], ids=["blocking", "async"])
@pytest.mark.parametrize(
    ("path", "argument", "value"),
    [
        ("connect", "timeout", 30.0),
        ("connect", "attempt_delay", 0.25),
        ("listen", "backlog", None),
        ("serve", "max_connections", 10_000),
        ("serve", "handshake_timeout", 10.0),
        ("serve", "idle_timeout", None),
        ("serve", "grace", 10.0),
        ("Stream.read", "n", 65_536),
        ("Stream.read_line", "limit", 65_536),
        ("Stream.read_all", "limit", 67_108_864),
    ],
)
def test_limits_and_timeouts_are_on_by_default(
    door: Any, path: str, argument: str, value: float | None
) -> None:
    function = door
    for name in path.split("."):
        function = getattr(function, name)

    assert inspect.signature(function).parameters[argument].default == value


def test_values_take_their_defaults_from_here() -> None:
    assert KeepAlive() == KeepAlive(idle=15, interval=15, count=9)
    assert Lines().limit == defaults.MAX_LINE
    assert Delimited([b"\0"]).limit == defaults.MAX_FRAME
    assert LengthPrefix().limit == defaults.MAX_FRAME
