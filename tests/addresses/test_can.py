from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, CanAddress, CanIsotpAddress, CanJ1939Address
from portside.errors import AddressError

needs_can = pytest.mark.skipif(
    not hasattr(socket, "CAN_J1939"), reason="this Python lacks socket.AF_CAN or CAN_J1939"
)

INTERFACES = st.sampled_from(["", "can0", "vcan1", "a?b%c", "*", "\udcff"])
IDS = st.integers(0, 2**32 - 1)
CAN = (
    st.builds(CanAddress, INTERFACES, st.sampled_from(["raw", "bcm"]))
    | st.builds(CanIsotpAddress, INTERFACES, IDS, IDS)
    | st.builds(
        CanJ1939Address,
        INTERFACES,
        st.integers(0, 2**64 - 1),
        st.integers(0, 0x40000),
        st.integers(0, 255),
    )
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("can:can0", CanAddress("can0"), "can:can0"),
        ("can:*", CanAddress(""), "can:*"),
        ("can+bcm:can0", CanAddress("can0", "bcm"), "can+bcm:can0"),
        (
            "can+isotp:can0?rx=0x123&tx=0x456",
            CanIsotpAddress("can0", 0x123, 0x456),
            "can+isotp:can0?rx=0x123&tx=0x456",
        ),
        (
            "CAN+ISOTP:can0?tx=1&rx=0",
            CanIsotpAddress("can0", 0, 1),
            "can+isotp:can0?rx=0x0&tx=0x1",
        ),
        (
            "can+j1939:can0?name=0x1234&pgn=0x1fe00&addr=0x20",
            CanJ1939Address("can0", 0x1234, 0x1FE00, 0x20),
            "can+j1939:can0?addr=0x20&name=0x1234&pgn=0x1fe00",
        ),
        ("can+j1939:*", CanJ1939Address(""), "can+j1939:*"),
        (
            "can+j1939:can0?name=0&pgn=0x40000&addr=255",
            CanJ1939Address("can0", 0, 0x40000, 0xFF),
            "can+j1939:can0",
        ),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(text: str, address: Address, canonical: str) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=CAN)
def test_every_address_survives_its_own_text(address: Address) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@needs_can
@settings(deadline=None)
@given(address=CAN)
def test_every_sockaddr_comes_back(address: Address) -> None:
    found = Address.from_sockaddr(
        address.family, address.sockaddr(), address.kind, address.protocol
    )

    assert found == address


@needs_can
def test_without_a_kind_or_a_protocol_one_item_is_a_raw_address() -> None:
    assert Address.from_sockaddr(socket.AF_CAN, ("can0",)) == CanAddress("can0")
    assert Address.from_sockaddr(socket.AF_CAN, ("can0",), None, socket.CAN_BCM) == CanAddress(
        "can0", "bcm"
    )


@needs_can
@pytest.mark.parametrize(
    ("sockaddr", "kind"),
    [
        (None, None),
        ("can0", None),
        ((), None),
        (("can0", 1), None),
        (("can0", 1, 2), socket.SOCK_RAW),
        (("can0", 1, 2, 3), socket.SOCK_RAW),
        (("can0",), socket.SOCK_STREAM),
        (("can0", -1, 2), None),
    ],
)
def test_any_other_sockaddr_is_refused(sockaddr: object, kind: int | None) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        Address.from_sockaddr(socket.AF_CAN, sockaddr, kind)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("can:", r"it names no interface: expected one such as can:can0, or \*"),
        ("can+bcm:", r"expected one such as can\+bcm:can0"),
        ("can://can0", "'//can0' cannot be the name of an interface"),
        ("can:can0?rx=1", "expected none"),
        ("can+isotp:can0", "it needs both identifiers: expected can.isotp:can0.rx=0x123&tx=0x456"),
        ("can+isotp:can0?rx=1", "it needs both identifiers"),
        ("can+isotp:can0?rx=1&tx=4294967296", "tx 4294967296 is out of range"),
        ("can+j1939:can0?addr=256", "addr 256 is out of range"),
        ("can+j1939:can0?pgn=0x40001", "pgn 262145 is out of range"),
        ("can+j1939:can0?nmae=1", r"did you mean 'name'\?"),
        ("can+jl939:can0", r"scheme 'can\+jl939' is unknown: .*did you mean 'can\+j1939'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_service_with_a_mistake_is_refused() -> None:
    with pytest.raises(AddressError, match=r"'bmc' is unknown: expected raw or bcm; did you mean"):
        CanAddress("can0", "bmc")  # type: ignore[arg-type]  # the mistake is the point


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (CanAddress("can0"), "CAN_RAW"),
        (CanAddress("can0", "bcm"), "CAN_BCM"),
        (CanIsotpAddress("can0", 1, 2), "CAN_ISOTP"),
        (CanJ1939Address("can0"), "CAN_J1939"),
    ],
)
def test_a_python_without_a_protocol_says_so(
    address: Address, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, name, raising=False)
    monkeypatch.delattr(socket, "AF_CAN", raising=False)

    with pytest.raises(AddressError, match=f"socket.{name} is missing"):
        assert address.protocol
    with pytest.raises(AddressError, match=r"without CAN .socket.AF_CAN is missing"):
        assert address.family


def test_the_kernel_takes_every_interface_and_gives_it_back() -> None:
    wanted = Address.parse("can:*")
    try:
        opened = socket.socket(wanted.family, wanted.kind, wanted.protocol)
    except (AddressError, OSError) as error:
        pytest.skip(f"this system has no AF_CAN: {error}")
    with closing(opened):
        opened.bind(wanted.sockaddr())

        assert wanted.with_sockaddr(opened.family, opened.getsockname()) == wanted
