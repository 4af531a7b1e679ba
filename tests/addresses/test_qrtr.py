from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, QrtrAddress
from portside.addresses.qrtr import from_sockaddr
from portside.errors import AddressError

NUMBERS = st.integers(0, 2**32 - 1)
QRTR = st.builds(QrtrAddress, NUMBERS, NUMBERS)


@pytest.mark.parametrize("text", ["qrtr://1:17", "QRTR://0x1:0x11"])
def test_a_text_is_read_and_printed_in_one_way(text: str) -> None:
    assert Address.parse(text) == QrtrAddress(1, 17)
    assert str(Address.parse(text)) == "qrtr://1:17"


@settings(deadline=None)
@given(address=QRTR)
def test_every_address_survives_its_text_and_its_sockaddr(address: QrtrAddress) -> None:
    assert Address.parse(str(address)) == address
    assert from_sockaddr(address.sockaddr(), None, None) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("qrtr:1:17", "qrtr: is not followed by //: expected qrtr://1:17"),
        ("qrtr://1", "it has no port: expected one as in qrtr://1:17"),
        ("qrtr://:17", "node '' is not a number"),
        ("qrtr://1:4294967296", "port 4294967296 is out of range"),
        ("qrtr://1:17?x=1", "port '17.x=1' is not a number"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_the_socket_module_is_told_family_and_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    address = QrtrAddress(1, 17)
    monkeypatch.setattr(socket, "AF_QIPCRTR", 42, raising=False)

    assert (address.family, address.kind) == (42, socket.SOCK_DGRAM)
    assert Address.from_sockaddr(42, (1, 17)) == address


def test_a_python_without_the_router_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_QIPCRTR", raising=False)

    with pytest.raises(AddressError, match=r"socket.AF_QIPCRTR is missing"):
        assert QrtrAddress(1, 17).family


@pytest.mark.parametrize("sockaddr", [None, (1,), (1, -1), ("1", 1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None, None)
