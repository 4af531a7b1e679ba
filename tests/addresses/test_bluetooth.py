from __future__ import annotations

import pickle
import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, L2capAddress, RfcommAddress, ScoAddress
from portside.addresses.bluetooth import (
    check_device,
    from_l2cap_sockaddr,
    from_rfcomm_sockaddr,
    from_sco_sockaddr,
)
from portside.errors import AddressError

DEVICE = "AA:BB:CC:DD:EE:FF"
DEVICES = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
RFCOMM = st.builds(RfcommAddress, DEVICES, st.integers(0, 255))
L2CAP = st.builds(
    L2capAddress,
    DEVICES,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 2),
    st.sampled_from(["seqpacket", "stream", "dgram", "raw"]),
)
SCO = st.builds(ScoAddress, DEVICES)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        (f"rfcomm://[{DEVICE}]:3", RfcommAddress(DEVICE, 3), f"rfcomm://[{DEVICE}]:3"),
        (f"rfcomm://[{DEVICE.lower()}]:0x1f", RfcommAddress(DEVICE, 31), f"rfcomm://[{DEVICE}]:31"),
        (
            f"l2cap://[{DEVICE}]:0x1001?cid=4&type=le_public",
            L2capAddress(DEVICE, 0x1001, 4, 1),
            f"l2cap://[{DEVICE}]:0x1001?cid=4&type=le_public",
        ),
        (f"l2cap://[{DEVICE}]:1", L2capAddress(DEVICE, 1), f"l2cap://[{DEVICE}]:0x0001"),
        (
            f"l2cap://[{DEVICE}]:0?type=2&kind=stream&cid=0",
            L2capAddress(DEVICE, 0, 0, 2, "stream"),
            f"l2cap://[{DEVICE}]:0x0000?kind=stream&type=le_random",
        ),
        (f"sco://[{DEVICE}]", ScoAddress(DEVICE), f"sco://[{DEVICE}]"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(text: str, address: Address, canonical: str) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=RFCOMM | L2CAP | SCO)
def test_every_address_survives_its_own_text(address: Address) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@settings(deadline=None)
@given(address=RFCOMM)
def test_every_rfcomm_sockaddr_comes_back(address: RfcommAddress) -> None:
    assert from_rfcomm_sockaddr(address.sockaddr(), None) == address


@settings(deadline=None)
@given(address=SCO)
def test_every_sco_sockaddr_comes_back_as_bytes_or_text(address: ScoAddress) -> None:
    assert from_sco_sockaddr(address.sockaddr(), None) == address
    assert from_sco_sockaddr(address.sockaddr().decode(), None) == address


@pytest.mark.parametrize(
    "address",
    [
        L2capAddress(DEVICE, 0x1001),
        L2capAddress(DEVICE, 0x1001, 4),
        L2capAddress(DEVICE, 0, 4, 1, "dgram"),
    ],
)
def test_every_l2cap_sockaddr_comes_back(
    address: L2capAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14))

    assert from_l2cap_sockaddr(address.sockaddr(), address.kind) == address


def test_l2cap_says_no_more_than_it_has_to() -> None:
    assert L2capAddress(DEVICE, 1).sockaddr() == (DEVICE, 1)
    assert from_l2cap_sockaddr((DEVICE, 1, 4), None) == L2capAddress(DEVICE, 1, 4)


@pytest.mark.parametrize(
    "address", [L2capAddress(DEVICE, 1, cid=4), L2capAddress(DEVICE, 1, type=1)]
)
def test_an_older_python_cannot_pass_all_of_l2cap_on(
    address: L2capAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13))

    with pytest.raises(AddressError, match=r"cid and type need Python 3.14: expected neither"):
        address.sockaddr()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rfcomm:3", r"rfcomm: is not followed by //: expected rfcomm://\[AA:BB:CC:DD:EE:FF\]:3"),
        (f"rfcomm://{DEVICE}:3", r"has another form: expected rfcomm://\[AA:BB:CC:DD:EE:FF\]:3"),
        (f"rfcomm://[{DEVICE}]", "has another form"),
        (f"rfcomm://[{DEVICE}:3", "has another form"),
        (f"rfcomm://[{DEVICE}]:", "channel '' is not a number"),
        (f"rfcomm://[{DEVICE}]:256", "channel 256 is out of range"),
        (f"rfcomm://[{DEVICE}]:3?cid=4", "expected none"),
        ("rfcomm://[AA:BB:CC:DD:EE]:3", "is no Bluetooth address: expected one such as AA:BB:CC"),
        ("rfcomm://[]:3", "'' is no Bluetooth address"),
        (f"l2cap://[{DEVICE}]:65536", "psm 65536 is out of range"),
        (f"l2cap://[{DEVICE}]:1?type=le_pubic", r"did you mean 'le_public'\?"),
        (f"l2cap://[{DEVICE}]:1?type=3", "type 3 is out of range"),
        (f"l2cap://[{DEVICE}]:1?kind=rdm", "kind 'rdm' is unknown: expected seqpacket, stream"),
        (f"sco://[{DEVICE}]:3", r"':3' follows the \]: expected sco://\[AA:BB:CC:DD:EE:FF\]"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


@pytest.mark.parametrize(
    "device",
    ["", "AA", DEVICE + ":00", "A:BB:CC:DD:EE:FF", "GG:BB:CC:DD:EE:FF", " A:BB:CC:DD:EE:FF"],
)
def test_a_device_is_six_bytes_in_hexadecimal(device: str) -> None:
    with pytest.raises(AddressError, match=r"is no Bluetooth address"):
        check_device(device)


@pytest.mark.parametrize(
    ("address", "kind", "protocol"),
    [
        (RfcommAddress(DEVICE, 3), socket.SOCK_STREAM, "BTPROTO_RFCOMM"),
        (L2capAddress(DEVICE, 1), socket.SOCK_SEQPACKET, "BTPROTO_L2CAP"),
        (ScoAddress(DEVICE), socket.SOCK_SEQPACKET, "BTPROTO_SCO"),
    ],
)
def test_a_python_with_bluetooth_is_told_family_kind_and_protocol(
    address: Address, kind: socket.SocketKind, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "AF_BLUETOOTH", 31, raising=False)
    monkeypatch.setattr(socket, protocol, 2, raising=False)

    assert (address.family, address.kind, address.protocol) == (31, kind, 2)


@pytest.mark.parametrize(
    ("address", "protocol"),
    [
        (RfcommAddress(DEVICE, 3), "BTPROTO_RFCOMM"),
        (L2capAddress(DEVICE, 1), "BTPROTO_L2CAP"),
        (ScoAddress(DEVICE), "BTPROTO_SCO"),
    ],
)
def test_a_python_without_bluetooth_says_so(
    address: Address, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_BLUETOOTH", raising=False)
    monkeypatch.delattr(socket, protocol, raising=False)

    with pytest.raises(AddressError) as caught:
        assert address.family
    assert caught.value.text == str(address)
    assert caught.value.reason == (
        "this Python was built without Bluetooth (socket.AF_BLUETOOTH is missing)"
    )
    with pytest.raises(AddressError, match=f"socket.{protocol} is missing"):
        assert address.protocol


@pytest.mark.parametrize("sockaddr", [None, b"\xff", "x", 3, (DEVICE,), (DEVICE, -1), ("x", 1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    for read in (from_rfcomm_sockaddr, from_l2cap_sockaddr, from_sco_sockaddr):
        with pytest.raises(AddressError, match=r"expected"):
            read(sockaddr, None)
