from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, PacketAddress
from portside.addresses.packet import PACKET_TYPES
from portside.errors import AddressError

needs_packet = pytest.mark.skipif(
    not hasattr(socket, "AF_PACKET"), reason="this Python lacks socket.AF_PACKET"
)

SHORTS = st.integers(0, 0xFFFF)
PACKET = st.builds(
    PacketAddress,
    st.sampled_from(["", "lo", "eth0", "a?b%c", "*", "\udcff"]),
    SHORTS,
    st.integers(0, 0xFF),
    SHORTS,
    st.binary(max_size=8),
    st.sampled_from(["raw", "dgram"]),
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        (
            "packet:eth0?proto=0x0800&pkttype=host&addr=001122334455",
            PacketAddress("eth0", 0x0800, addr=bytes.fromhex("001122334455")),
            "packet:eth0?addr=001122334455&proto=0x0800",
        ),
        ("packet:lo", PacketAddress("lo"), "packet:lo"),
        ("packet:*?proto=3", PacketAddress("", 3), "packet:*?proto=0x0003"),
        (
            "packet:lo?pkttype=4&hatype=772&kind=dgram&addr=",
            PacketAddress("lo", 0, 4, 772, b"", "dgram"),
            "packet:lo?hatype=772&kind=dgram&pkttype=outgoing",
        ),
        ("packet:lo?pkttype=0x7&addr=AA", PacketAddress("lo", 0, 7, addr=b"\xaa"), None),
        ("packet:%2A", PacketAddress("*"), "packet:%2A"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: PacketAddress, canonical: str | None
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical or canonical is None


@settings(deadline=None)
@given(address=PACKET)
def test_every_address_survives_its_own_text(address: PacketAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@needs_packet
@settings(deadline=None)
@given(address=PACKET.filter(lambda address: address.interface != ""))
def test_every_sockaddr_comes_back(address: PacketAddress) -> None:
    assert Address.from_sockaddr(address.family, address.sockaddr(), address.kind) == address


@needs_packet
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_sockaddr_may_be_cut_short(size: int) -> None:
    whole = ("eth0", 2048, 4, 1, b"\xaa")
    rest = ("", 0, 0, 0, b"")

    found = Address.from_sockaddr(socket.AF_PACKET, whole[:size])

    assert found.sockaddr() == whole[:size] + rest[size:]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("packet:", r"it names no interface: expected one such as packet:eth0, or \*"),
        ("packet://eth0", "'//eth0' cannot be the name of an interface"),
        ("packet:eth0?proto=65536", "proto 65536 is out of range"),
        ("packet:eth0?proto=ip", "proto 'ip' is not a number"),
        ("packet:eth0?pkttype=hots", r"did you mean 'host'\?"),
        ("packet:eth0?pkttype=256", "pkttype 256 is out of range"),
        ("packet:eth0?addr=0", "addr '0' is not bytes: expected two hexadecimal digits each"),
        ("packet:eth0?addr=0g", "addr '0g' is not bytes"),
        ("packet:eth0?addr=00:11", "addr '00:11' is not bytes"),
        (f"packet:eth0?addr={'00' * 33}", "addr has 33 bytes: expected 32 at the most"),
        ("packet:eth0?kind=stream", "kind 'stream' is unknown: expected raw or dgram"),
        ("packet:eth0?protocol=1", r"did you mean 'proto'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


@pytest.mark.parametrize("name", sorted(PACKET_TYPES))
def test_a_packet_type_has_the_number_that_python_knows_it_by(name: str) -> None:
    constant = f"PACKET_{name.upper()}"

    assert getattr(socket, constant, PACKET_TYPES[name]) == PACKET_TYPES[name]


def test_every_interface_cannot_be_bound_but_is_told_to_the_socket() -> None:
    address = PacketAddress("", 0x0800)

    assert address.protocol == socket.htons(0x0800)
    with pytest.raises(AddressError, match=r"a socket without bind has every interface"):
        address.sockaddr()


def test_one_interface_is_told_its_protocol_when_it_is_bound() -> None:
    assert PacketAddress("lo", 0x0800).protocol == 0


def test_an_address_that_python_cannot_pass_on_is_refused_when_it_is_used() -> None:
    address = Address.parse(f"packet:ib0?addr={'00' * 20}")

    with pytest.raises(AddressError, match=r"Python takes no addr of 20 bytes: expected 8"):
        address.sockaddr()


def test_a_python_without_packet_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)

    with pytest.raises(AddressError, match=r"without packet sockets .socket.AF_PACKET is missing"):
        assert PacketAddress("lo").family


def opened_packet_socket(address: Address) -> socket.socket:
    try:
        return socket.socket(address.family, address.kind, address.protocol)
    except (AddressError, OSError) as error:
        pytest.skip(f"no packet sockets for this user: {error}")


@pytest.mark.parametrize("kind", ["raw", "dgram"])
def test_the_kernel_takes_the_address_and_gives_it_back(kind: str) -> None:
    # An EtherType with its highest bit set: it must not come back as a negative number.
    wanted = Address.parse(f"packet:lo?proto=0x88cc&kind={kind}")
    with closing(opened_packet_socket(wanted)) as opened:
        opened.bind(wanted.sockaddr())
        found = Address.from_sockaddr(opened.family, opened.getsockname(), opened.type)

    assert found == PacketAddress("lo", 0x88CC, 0, 772, bytes(6), kind)


def test_the_kernel_gives_an_unbound_address() -> None:
    with closing(opened_packet_socket(Address.parse("packet:*"))) as opened:
        found = Address.from_sockaddr(opened.family, opened.getsockname(), opened.type)

    assert str(found) == "packet:*"
