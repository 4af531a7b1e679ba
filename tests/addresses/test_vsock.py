from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, VsockAddress
from portside.errors import AddressError

ANY = 2**32 - 1
NUMBERS = st.integers(0, ANY) | st.sampled_from([0, 1, 2, ANY])
VSOCK = st.builds(VsockAddress, NUMBERS, NUMBERS, st.sampled_from(["stream", "dgram", "seqpacket"]))


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("vsock://2:1234", VsockAddress(2, 1234), "vsock://host:1234"),
        ("vsock://host:1234", VsockAddress(2, 1234), "vsock://host:1234"),
        ("vsock://any:1234", VsockAddress(ANY, 1234), "vsock://any:1234"),
        ("vsock://*:1234", VsockAddress(ANY, 1234), "vsock://any:1234"),
        ("vsock://local:1234", VsockAddress(1, 1234), "vsock://local:1234"),
        ("vsock://:1234", VsockAddress(1, 1234), "vsock://local:1234"),
        ("vsock://hypervisor:1", VsockAddress(0, 1), "vsock://hypervisor:1"),
        ("vsock://0x3:0x10", VsockAddress(3, 16), "vsock://3:16"),
        ("vsock://any:any", VsockAddress(ANY, ANY), "vsock://any:any"),
        ("vsock://3:1?kind=dgram", VsockAddress(3, 1, "dgram"), "vsock://3:1?kind=dgram"),
        ("vsock://3:1?kind=stream", VsockAddress(3, 1), "vsock://3:1"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: VsockAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=VSOCK)
def test_every_address_survives_its_own_text(address: VsockAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.skipif(not hasattr(socket, "AF_VSOCK"), reason="this Python lacks socket.AF_VSOCK")
@settings(deadline=None)
@given(address=VSOCK)
def test_every_sockaddr_comes_back(address: VsockAddress) -> None:
    assert Address.from_sockaddr(address.family, address.sockaddr(), address.kind) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("vsock:2:1", "vsock: is not followed by //: expected vsock://host:1234"),
        ("vsock://2", "it has no port: expected one as in vsock://host:1234"),
        ("vsock://2:", "port '' is unknown: expected any or a number"),
        ("vsock://hots:1", r"cid 'hots' is unknown: .*did you mean 'host'\?"),
        ("vsock://4294967296:1", "cid 4294967296 is out of range"),
        ("vsock://2:-1", "port '-1' is unknown"),
        ("vsock://2:1?kind=raw", "kind 'raw' is unknown: expected stream, dgram or seqpacket"),
        ("vsock://2:1?kidn=raw", r"did you mean 'kind'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_python_without_vsock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_VSOCK", raising=False)

    with pytest.raises(AddressError, match=r"without vsock .socket.AF_VSOCK is missing"):
        assert VsockAddress(2, 1).family


def test_the_kernel_gives_an_unbound_address() -> None:
    try:
        opened = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    except (AttributeError, OSError) as error:
        pytest.skip(f"this system has no AF_VSOCK: {error}")
    with closing(opened):
        found = Address.from_sockaddr(opened.family, opened.getsockname(), opened.type)

    assert found == VsockAddress(ANY, ANY)


def test_the_kernel_takes_the_address_and_gives_it_back() -> None:
    wanted = Address.parse("vsock://any:any")
    try:
        opened = socket.socket(wanted.family, wanted.kind)
        with closing(opened):
            opened.bind(wanted.sockaddr())
            found = Address.from_sockaddr(opened.family, opened.getsockname(), opened.type)
    except (AddressError, OSError) as error:
        pytest.skip(f"this system has no AF_VSOCK: {error}")

    assert isinstance(found, VsockAddress)
    assert found.cid == ANY
    assert found.port != ANY
