from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, DivertAddress
from portside.addresses.divert import from_sockaddr
from portside.errors import AddressError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("divert://1.2.3.4:4000", "divert://1.2.3.4:4000"),
        ("divert://:8668", "divert://127.0.0.1:8668"),
        ("divert://*:8668", "divert://0.0.0.0:8668"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(text: str, canonical: str) -> None:
    address = Address.parse(text)

    assert isinstance(address, DivertAddress)
    assert str(address) == canonical


@settings(deadline=None)
@given(host=st.ip_addresses(v=4).map(str), port=st.integers(0, 65535))
def test_every_address_survives_its_text_and_its_sockaddr(host: str, port: int) -> None:
    address = DivertAddress(host, port)

    assert Address.parse(str(address)) == address
    assert from_sockaddr(address.sockaddr(), None, None) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("divert:8668", "divert: is not followed by //: expected divert://"),
        ("divert://1.2.3.4", "it has no port"),
        ("divert://1.2.3.4:65536", "port 65536 is out of range"),
        ("divert://localhost:1", "'localhost' is not an IPv4 address"),
        ("divert://127.1:1", "'127.1' is not an IPv4 address"),
        ("divert://[::1]:1", r"'\[::1\]' is not an IPv4 address"),
        ("divert://1.2.3.4:1?x=1", "expected none"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_the_socket_module_is_told_family_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    address = DivertAddress("1.2.3.4", 1)
    monkeypatch.setattr(socket, "AF_DIVERT", 77, raising=False)

    assert (address.family, address.kind) == (77, socket.SOCK_RAW)
    assert Address.from_sockaddr(77, ("1.2.3.4", 1), socket.SOCK_RAW) == address


def test_a_python_without_the_family_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_DIVERT", raising=False)

    with pytest.raises(AddressError, match=r"without divert sockets .socket.AF_DIVERT is missing"):
        assert DivertAddress("1.2.3.4", 1).family


@pytest.mark.parametrize("sockaddr", [None, ("h", 1), ("1.2.3.4",), ("1.2.3.4", -1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None, None)
