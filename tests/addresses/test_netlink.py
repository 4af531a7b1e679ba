from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, NetlinkAddress
from portside.addresses.netlink import PROTOCOLS
from portside.errors import AddressError

NUMBERS = st.integers(0, 2**32 - 1)
NETLINK = st.builds(
    NetlinkAddress, st.integers(0, 31), NUMBERS, NUMBERS, st.sampled_from(["raw", "dgram"])
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("netlink:route?pid=0&groups=0x11", NetlinkAddress(0, 0, 17), "netlink:route?groups=0x11"),
        ("netlink:0", NetlinkAddress(0), "netlink:route"),
        ("netlink:generic?pid=7", NetlinkAddress(16, 7), "netlink:generic?pid=7"),
        ("netlink:0x1f?kind=dgram", NetlinkAddress(31, kind_name="dgram"), "netlink:31?kind=dgram"),
        (
            "netlink:kobject_uevent?pid=5&kind=raw&groups=1",
            NetlinkAddress(15, 5, 1),
            "netlink:kobject_uevent?groups=0x1&pid=5",
        ),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: NetlinkAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=NETLINK)
def test_every_address_survives_its_own_text(address: NetlinkAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="no socket.AF_NETLINK")
@settings(deadline=None)
@given(address=NETLINK)
def test_every_sockaddr_comes_back(address: NetlinkAddress) -> None:
    found = Address.from_sockaddr(
        address.family, address.sockaddr(), address.kind, address.protocol
    )

    assert found == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("netlink:", "netlink protocol '' is unknown"),
        ("netlink:rout", r"did you mean 'route'\?"),
        ("netlink:32", "netlink protocol 32 is out of range"),
        ("netlink:route?pid=-1", "pid '-1' is not a number"),
        ("netlink:route?groups=4294967296", "groups 4294967296 is out of range"),
        ("netlink:route?kind=stream", "kind 'stream' is unknown: expected raw or dgram"),
        ("netlink:route?group=1", r"did you mean 'groups'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_a_name_has_the_number_that_python_knows_it_by(name: str) -> None:
    constant = f"NETLINK_{name.upper()}"

    assert getattr(socket, constant, PROTOCOLS[name]) == PROTOCOLS[name]


def test_a_python_without_netlink_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)

    with pytest.raises(AddressError, match=r"without netlink .socket.AF_NETLINK is missing"):
        assert NetlinkAddress(0).family


def test_the_kernel_takes_the_address_and_gives_it_back() -> None:
    wanted = Address.parse("netlink:route?groups=0x1")
    try:
        opened = socket.socket(wanted.family, wanted.kind, wanted.protocol)
    except (AddressError, OSError) as error:
        pytest.skip(f"this system has no AF_NETLINK: {error}")
    with closing(opened):
        opened.bind(wanted.sockaddr())
        found = wanted.with_sockaddr(opened.family, opened.getsockname())

    assert isinstance(found, NetlinkAddress)
    assert found.pid > 0
    assert found == NetlinkAddress(0, found.pid, 1)
