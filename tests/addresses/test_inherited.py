from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, InheritedAddress
from portside.errors import AddressError

NAMES = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=":"),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(
    ("text", "fd", "canonical"),
    [
        ("fd:3", 3, "fd:3"),
        ("FD:0", 0, "fd:0"),
        ("fd:name", "name", "fd:name"),
        ("fd:Web.socket", "Web.socket", "fd:Web.socket"),
        ("fd:%33", "3", "fd:%33"),
        ("fd:a%20b", "a b", "fd:a%20b"),
        ("fd:3x", "3x", "fd:3x"),
        ("fd:%2F%2F3", "//3", "fd:%2F%2F3"),
    ],
)
def test_digits_are_a_descriptor_and_all_else_is_its_name(
    text: str, fd: int | str, canonical: str
) -> None:
    address = Address.parse(text)

    assert address == InheritedAddress(fd)
    assert str(address) == canonical


@settings(deadline=None)
@given(fd=st.integers(0, 2**31 - 1) | NAMES)
def test_every_address_survives_its_own_text(fd: int | str) -> None:
    address = InheritedAddress(fd)

    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fd:", "'' cannot be the name of a descriptor: expected 1 to 255 printable"),
        ("fd:a:b", "'a:b' cannot be the name"),
        ("fd://3", "no // belongs here: expected fd:3"),
        ("fd:\N{LATIN SMALL LETTER E WITH ACUTE}", "cannot be the name"),
        ("fd:a%0A", "cannot be the name"),
        (f"fd:{'a' * 256}", "cannot be the name"),
        ("fd:003", "file descriptor '003' is not a number"),
        ("fd:2147483648", "file descriptor 2147483648 is out of range"),
        ("fd:web?x=1", "expected none"),
    ],
)
def test_what_can_be_neither_is_refused(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_negative_descriptor_is_refused() -> None:
    with pytest.raises(AddressError, match=r"file descriptor -1 is out of range"):
        InheritedAddress(-1)


def test_only_the_open_socket_knows_the_rest() -> None:
    address = InheritedAddress(3)

    assert address.family is socket.AF_UNSPEC
    assert address.protocol == 0
    with pytest.raises(AddressError, match=r"only the open socket knows its kind"):
        assert address.kind
    with pytest.raises(AddressError, match=r"only the open socket knows its address"):
        address.sockaddr()


def test_an_address_is_a_value() -> None:
    assert pickle.loads(pickle.dumps(InheritedAddress("web"))) == InheritedAddress("web")
    assert hash(InheritedAddress(3)) == hash(InheritedAddress(3))
    assert InheritedAddress("3") != InheritedAddress(3)
