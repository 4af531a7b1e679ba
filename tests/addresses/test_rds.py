from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, RdsAddress
from portside.addresses.rds import from_sockaddr
from portside.errors import AddressError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("rds://1.2.3.4:4000", "rds://1.2.3.4:4000"),
        ("rds://:8668", "rds://127.0.0.1:8668"),
        ("rds://*:8668", "rds://0.0.0.0:8668"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(text: str, canonical: str) -> None:
    address = Address.parse(text)

    assert isinstance(address, RdsAddress)
    assert str(address) == canonical


@settings(deadline=None)
@given(host=st.ip_addresses(v=4).map(str), port=st.integers(0, 65535))
def test_every_address_survives_its_text_and_its_sockaddr(host: str, port: int) -> None:
    address = RdsAddress(host, port)

    assert Address.parse(str(address)) == address
    assert from_sockaddr(address.sockaddr(), None, None) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rds:8668", "rds: is not followed by //: expected rds://"),
        ("rds://1.2.3.4", "it has no port"),
        ("rds://1.2.3.4:65536", "port 65536 is out of range"),
        ("rds://localhost:1", "'localhost' is not an IPv4 address"),
        ("rds://127.1:1", "'127.1' is not an IPv4 address"),
        ("rds://[::1]:1", r"'\[::1\]' is not an IPv4 address"),
        ("rds://1.2.3.4:1?x=1", "expected none"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_the_socket_module_is_told_family_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    address = RdsAddress("1.2.3.4", 1)
    monkeypatch.setattr(socket, "AF_RDS", 77, raising=False)

    assert (address.family, address.kind) == (77, socket.SOCK_SEQPACKET)
    assert Address.from_sockaddr(77, ("1.2.3.4", 1), socket.SOCK_SEQPACKET) == address


def test_a_python_without_the_family_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_RDS", raising=False)

    with pytest.raises(AddressError, match=r"without RDS .socket.AF_RDS is missing"):
        assert RdsAddress("1.2.3.4", 1).family


@pytest.mark.parametrize("sockaddr", [None, ("h", 1), ("1.2.3.4",), ("1.2.3.4", -1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None, None)
