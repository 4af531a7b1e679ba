from __future__ import annotations

import pickle
import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, HciAddress
from portside.addresses.hci import from_sockaddr
from portside.errors import AddressError

DEVICE = "AA:BB:CC:DD:EE:FF"
NUMBERED = st.builds(HciAddress, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
NAMED = st.builds(
    HciAddress,
    st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
    | st.binary(min_size=1, max_size=20)
    .filter(lambda name: not set(name) & set(b"\0:"))
    .map(lambda name: name.decode("utf-8", "surrogateescape")),
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("hci:0?channel=raw", HciAddress(0), "hci:0"),
        ("hci:1?channel=user", HciAddress(1, 1), "hci:1?channel=user"),
        ("hci:65535?channel=3", HciAddress(65535, 3), "hci:65535?channel=control"),
        ("hci:0?channel=9", HciAddress(0, 9), "hci:0?channel=9"),
        ("hci:ubt0hci", HciAddress("ubt0hci"), "hci:ubt0hci"),
        ("hci:%30", HciAddress("0"), "hci:%30"),
        (f"hci:[{DEVICE.lower()}]", HciAddress(DEVICE), f"hci:[{DEVICE}]"),
        ("hci:%5Bx]", HciAddress("[x]"), "hci:%5Bx]"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: HciAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=NUMBERED | NAMED)
def test_every_address_survives_its_own_text(address: HciAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@settings(deadline=None)
@given(address=NAMED | st.builds(HciAddress, st.integers(0, 0xFFFF)))
def test_every_sockaddr_comes_back(address: HciAddress) -> None:
    assert from_sockaddr(address.sockaddr(), None) == address


def test_a_channel_needs_a_newer_python(monkeypatch: pytest.MonkeyPatch) -> None:
    address = HciAddress(0, 1)

    monkeypatch.setattr(sys, "version_info", (3, 14))
    assert from_sockaddr(address.sockaddr(), None) == address

    monkeypatch.setattr(sys, "version_info", (3, 13))
    with pytest.raises(AddressError, match=r"a channel needs Python 3.14: expected hci:0"):
        address.sockaddr()


@pytest.mark.parametrize("sockaddr", [0, (0,), (0, 0)])
def test_a_number_may_stand_alone(sockaddr: object) -> None:
    assert from_sockaddr(sockaddr, socket.SOCK_RAW) == HciAddress(0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hci:", "'' cannot be a controller: expected one such as hci:0"),
        ("hci:a%00", "cannot be a controller"),
        ("hci:ubt0hci?channel=user", "cannot be a controller"),
        ("hci:65536", "device 65536 is out of range"),
        ("hci:0?channel=uesr", r"did you mean 'user'\?"),
        ("hci:0?chanel=user", r"did you mean 'channel'\?"),
        ("hci:[AA]", "'AA' is no Bluetooth address"),
        ("hci:AA:BB", "'AA:BB' is no Bluetooth address"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


@pytest.mark.parametrize("sockaddr", [None, -1, (), (0, 1, 2), ("0",), "", b"x"])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None)


def test_a_python_without_bluetooth_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_BLUETOOTH", raising=False)
    monkeypatch.delattr(socket, "BTPROTO_HCI", raising=False)

    with pytest.raises(AddressError, match=r"without Bluetooth .socket.AF_BLUETOOTH is missing"):
        assert HciAddress(0).family
    with pytest.raises(AddressError, match=r"socket.BTPROTO_HCI is missing"):
        assert HciAddress(0).protocol
    assert HciAddress(0).kind is socket.SOCK_RAW
