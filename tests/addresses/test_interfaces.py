from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses.interfaces import (
    check_interface,
    check_zone,
    read_interface,
    read_zone,
    write_interface,
    write_zone,
    zone_index,
)
from portside.errors import AddressError


@pytest.mark.parametrize("name", ["", "eth0", "enp0s31f6", "br-0a1b2c3d4e5f", "veth@if2", "*"])
def test_a_name_that_linux_takes_is_kept(name: str) -> None:
    assert check_interface(name) == name
    assert read_interface(write_interface(name), "can:can0") == name


@pytest.mark.parametrize("name", [".", "..", "a/b", "a:b", "a b", "a\0b", "a\tb"])
def test_a_name_that_linux_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(AddressError, match=r"cannot be the name of an interface"):
        check_interface(name)


@pytest.mark.parametrize("name", ["sixteen-letters0", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 8])
def test_a_name_that_python_would_cut_short_is_refused(name: str) -> None:
    with pytest.raises(AddressError, match=r"has over 15 bytes"):
        check_interface(name)


def test_every_interface_is_a_star_and_an_interface_called_star_is_quoted() -> None:
    assert read_interface("*", "can:can0") == ""
    assert write_interface("") == "*"
    assert write_interface("*") == "%2A"


def test_no_interface_is_refused() -> None:
    with pytest.raises(AddressError, match=r"expected one such as can:can0, or . for every one"):
        read_interface("", "can:can0")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("fe80::1", ("fe80::1", "")),
        ("fe80::1%25eth0", ("fe80::1", "eth0")),
        ("fe80::1%eth0", ("fe80::1", "eth0")),
        ("fe80::1%252", ("fe80::1", "2")),
        ("fe80::1%2", ("fe80::1", "2")),
        ("fe80::1%2525", ("fe80::1", "25")),
        ("fe80::1%25a%2Db", ("fe80::1", "a-b")),
        ("fe80::1%a%2Db", ("fe80::1", "a%2Db")),
    ],
)
def test_a_zone_stands_behind_a_percent_sign_encoded_or_not(
    text: str, parts: tuple[str, str]
) -> None:
    assert read_zone(text) == parts


@pytest.mark.parametrize("text", ["fe80::1%", "fe80::1%25"])
def test_an_empty_zone_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"the zone behind % is empty: expected one such as"):
        read_zone(text)


@pytest.mark.parametrize(
    ("zone", "kept"),
    [("", ""), ("eth0", "eth0"), ("2", "2"), ("0", ""), ("4294967295", "4294967295")],
)
def test_a_zone_is_the_name_of_an_interface_or_its_number(zone: str, kept: str) -> None:
    assert check_zone(zone) == kept


@pytest.mark.parametrize(
    "zone", ["a/b", "a b", "a\0", "\n", "01", "00", "4294967296", "9" * 10_000, "\udcff"]
)
def test_what_can_be_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        check_zone(zone)


@settings(deadline=None)
@given(zone=st.text(min_size=1, max_size=20))
def test_a_zone_that_is_taken_survives_being_written(zone: str) -> None:
    try:
        kept = check_zone(zone)
    except AddressError:
        return

    assert read_zone(f"fe80::1{write_zone(kept)}") == ("fe80::1", kept)


def test_the_number_of_an_interface_is_asked_of_the_system() -> None:
    index, name = socket.if_nameindex()[0]

    assert zone_index("udp://[fe80::1]:1", name) == index


def test_a_number_or_no_zone_needs_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "if_nametoindex")

    assert zone_index("udp://[fe80::1]:1", "7") == 7
    assert zone_index("udp://[fe80::1]:1", "") == 0


def test_an_interface_that_this_machine_lacks_is_named() -> None:
    known = socket.if_nameindex()[0][1]

    with pytest.raises(AddressError, match=r"no interface 'none0': expected .*") as caught:
        zone_index("udp://[fe80::1%25none0]:1", "none0")

    assert caught.value.text == "udp://[fe80::1%25none0]:1"
    assert known in caught.value.reason
