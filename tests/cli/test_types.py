from __future__ import annotations

from typing import Any

import click
import pytest

from portside.addresses import Address
from portside.cli.types import DURATION, TARGET, seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("300ms", 0.3),
        ("2s", 2.0),
        ("1.5m", 90.0),
        ("1h", 3600.0),
        ("7", 7.0),
        ("0.25", 0.25),
        ("0", 0.0),
        (" 2s ", 2.0),
        (30.0, 30.0),
        (4, 4.0),
    ],
)
def test_a_duration_has_a_unit_or_is_in_seconds(written: object, seconds: float) -> None:
    assert DURATION.convert(written, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "-1s", "1d", "1.s", ".5s", "1 h", "1e3", "nan", "inf", "2S", "1s1s", "\u0661x"],
)
def test_what_is_no_duration_says_how_to_write_one(written: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        DURATION.convert(written, None, None)

    assert caught.value.message == (
        f"{written!r} is not a duration: expected 300ms, 2s, 1.5m or 1h"
    )


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (":8000", "tcp://localhost:8000"),
        ("8000", "tcp://localhost:8000"),
        ("[::1]:80", "tcp://[::1]:80"),
        ("tls://example.com:443", "tls://example.com:443"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
    ],
)
def test_a_target_is_read_as_the_library_reads_it(written: str, address: str) -> None:
    target = TARGET.convert(written, None, None)

    assert target == Address.parse(written)
    assert str(target) == address


def test_a_target_that_was_read_already_stays_as_it_is() -> None:
    address = Address.parse("localhost:80")

    assert TARGET.convert(address, None, None) is address


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("localhost", "expected host:port, such as localhost:8000"),
        (":70000", "port 70000 is out of range: expected 0 to 65535"),
        ("gopher://localhost:70", "gopher"),
        ("", "expected"),
        (3.5, "3.5 does not name an address: expected a text"),
    ],
)
def test_a_target_that_cannot_be_read_is_a_usage_error(written: Any, expected: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        TARGET.convert(written, None, None)

    assert expected in caught.value.message
    assert caught.value.exit_code == 2


def test_the_names_in_the_help_are_words() -> None:
    assert [one.name for one in (TARGET, DURATION)] == ["target", "duration"]


@pytest.mark.parametrize("number", [0.3, 1.5, 30.0, 3600.0])
def test_a_time_is_shown_as_it_could_have_been_written(number: float) -> None:
    assert DURATION.convert(seconds(number), None, None) == number
