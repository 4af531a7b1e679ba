from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, KctlAddress
from portside.addresses.kctl import from_sockaddr
from portside.errors import AddressError

UTUN = "com.apple.net.utun_control"
NUMBERS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from(["dgram", "stream"])
NAMES = (
    st.binary(min_size=1, max_size=95)
    .filter(lambda name: 0 not in name)
    .map(lambda name: name.decode("utf-8", "surrogateescape"))
)
KCTL = st.builds(KctlAddress, NUMBERS | NAMES, NUMBERS, KINDS)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        (f"kctl:{UTUN}?unit=1", KctlAddress(UTUN, 1), f"kctl:{UTUN}?unit=1"),
        (f"kctl:{UTUN}?unit=0&kind=dgram", KctlAddress(UTUN), f"kctl:{UTUN}"),
        ("kctl:2?unit=0x1&kind=stream", KctlAddress(2, 1, "stream"), "kctl:2?kind=stream&unit=1"),
        ("kctl:%32", KctlAddress("2"), "kctl:%32"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: KctlAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=KCTL)
def test_every_address_survives_its_own_text(address: KctlAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@settings(deadline=None)
@given(address=st.builds(KctlAddress, NUMBERS, NUMBERS) | st.builds(KctlAddress, NAMES))
def test_every_sockaddr_comes_back(address: KctlAddress) -> None:
    assert from_sockaddr(address.sockaddr(), None, None) == address


def test_a_unit_goes_with_a_number_only() -> None:
    with pytest.raises(AddressError, match=r"a unit goes with a number .* expected kctl:2.unit=1"):
        KctlAddress(UTUN, 1).sockaddr()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kctl:", "'' cannot be a control's name: expected one such as kctl:com.apple"),
        (f"kctl:{'a' * 96}", "cannot be a control's name"),
        ("kctl:a%00", "cannot be a control's name"),
        ("kctl:4294967296", "control 4294967296 is out of range"),
        ("kctl:02", "control '02' is not a number"),
        ("kctl:2?unti=1", r"did you mean 'unit'\?"),
        ("kctl:2?kind=raw", "kind 'raw' is unknown: expected dgram or stream"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_macos_is_told_family_kind_and_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "AF_SYSTEM", 32, raising=False)
    monkeypatch.setattr(socket, "SYSPROTO_CONTROL", 2, raising=False)
    address = KctlAddress(2, 1)

    assert (address.family, address.kind, address.protocol) == (32, socket.SOCK_DGRAM, 2)
    assert Address.from_sockaddr(32, (2, 1), socket.SOCK_DGRAM, 2) == address


def test_another_system_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_SYSTEM", raising=False)
    monkeypatch.delattr(socket, "SYSPROTO_CONTROL", raising=False)

    with pytest.raises(AddressError, match=r"without kernel controls .socket.AF_SYSTEM is missing"):
        assert KctlAddress(2).family
    with pytest.raises(AddressError, match=r"SYSPROTO_CONTROL is missing"):
        assert KctlAddress(2).protocol


@pytest.mark.parametrize("sockaddr", [None, (2,), (2, -1), "", b"x"])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None, None)
