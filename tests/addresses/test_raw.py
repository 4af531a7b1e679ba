from __future__ import annotations

import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, RawAddress
from portside.errors import AddressError

NUMBERS = st.integers(0, 255)
RAW = st.builds(RawAddress, st.ip_addresses(v=4).map(str), NUMBERS) | st.builds(
    RawAddress,
    st.ip_addresses(v=6).map(str),
    NUMBERS,
    st.integers(0, 2**32 - 1).map(str) | st.just("eth0"),
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("raw://1.2.3.4?protocol=icmp", RawAddress("1.2.3.4", 1), "raw://1.2.3.4?protocol=icmp"),
        ("raw4://1.2.3.4?protocol=1", RawAddress("1.2.3.4", 1), "raw://1.2.3.4?protocol=icmp"),
        ("raw6://[::1]?protocol=icmpv6", RawAddress("::1", 58), "raw://[::1]?protocol=icmpv6"),
        ("raw4://?protocol=tcp", RawAddress("127.0.0.1", 6), "raw://127.0.0.1?protocol=tcp"),
        ("raw6://?protocol=tcp", RawAddress("::1", 6), "raw://[::1]?protocol=tcp"),
        ("raw4://*?protocol=253", RawAddress("0.0.0.0", 253), "raw://0.0.0.0?protocol=253"),
        ("raw6://*?protocol=0xff", RawAddress("::", 255), "raw://[::]?protocol=raw"),
        (
            "raw://[FE80::1%eth0]?protocol=58",
            RawAddress("fe80::1", 58, "eth0"),
            "raw://[fe80::1%25eth0]?protocol=icmpv6",
        ),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: RawAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=RAW)
def test_every_address_survives_its_own_text(address: RawAddress) -> None:
    assert Address.parse(str(address)) == address


@settings(deadline=None)
@given(address=RAW)
def test_every_sockaddr_comes_back(address: RawAddress) -> None:
    if address.scope == "eth0":
        return

    found = Address.from_sockaddr(
        address.family, address.sockaddr(), address.kind, address.protocol
    )

    assert found == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raw:1.2.3.4", "raw: is not followed by //: expected raw://127.0.0.1.protocol=icmp"),
        ("raw://1.2.3.4", "it names no protocol"),
        ("raw://h?protocol=1", "'h' is not an IP address: expected one as in raw://127.0.0.1"),
        ("raw://?protocol=1", "'' is not an IP address"),
        ("raw://*?protocol=1", "is not an IP address"),
        ("raw://1.2.3.4:5?protocol=1", "is not an IP address"),
        ("raw://[::1?protocol=1", "is not an IP address"),
        ("raw://[1.2.3.4%251]?protocol=1", "'1.2.3.4%251' is not an IP address"),
        ("raw4://[::1]?protocol=1", r"raw4 asks for IPv4, .* expected raw6://\[::1\]"),
        ("raw6://1.2.3.4?protocol=1", "raw6 asks for IPv6, .* expected raw4://1.2.3.4"),
        ("raw://1.2.3.4?protocol=icpm", r"did you mean 'icmp' or 'icmpv6'\?"),
        ("raw://1.2.3.4?protocol=256", "protocol 256 is out of range"),
        ("raw://1.2.3.4?protokol=1", r"did you mean 'protocol'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_the_socket_module_is_told_family_kind_and_protocol() -> None:
    address = RawAddress("::1", 58)

    assert address.family is socket.AF_INET6
    assert address.kind is socket.SOCK_RAW
    assert address.protocol == socket.IPPROTO_ICMPV6
    assert RawAddress("1.2.3.4", 1).family is socket.AF_INET


def test_the_port_that_repeats_the_protocol_is_left_out() -> None:
    found = Address.from_sockaddr(socket.AF_INET, ("0.0.0.0", 1), socket.SOCK_RAW, 1)

    assert found == RawAddress("0.0.0.0", 1)


@pytest.mark.parametrize("sockaddr", [None, ("h", 0), ("::1", 0, 0, -1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        Address.from_sockaddr(socket.AF_INET6, sockaddr, socket.SOCK_RAW, 1)


@pytest.mark.parametrize("text", ["raw://127.0.0.1?protocol=icmp", "raw://[::1]?protocol=icmpv6"])
def test_the_kernel_takes_the_address_and_gives_it_back(text: str) -> None:
    address = Address.parse(text)
    try:
        opened = socket.socket(address.family, address.kind, address.protocol)
    except OSError as error:
        pytest.skip(f"no raw sockets for this user: {error}")
    with closing(opened):
        opened.bind(address.sockaddr())

        found = address.with_sockaddr(opened.family, opened.getsockname())

    assert found == address
