from __future__ import annotations

import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, HypervAddress
from portside.addresses.hyperv import MACHINES, from_sockaddr
from portside.errors import AddressError

SERVICE = "00000400-facb-11e6-bd58-64006a7986d3"
UUIDS = st.uuids().map(str)
HYPERV = st.builds(HypervAddress, UUIDS | st.sampled_from(list(MACHINES.values())), UUIDS)


@pytest.mark.parametrize(
    ("machine", "canonical"),
    [
        *[(name, name) for name in MACHINES],
        ("", "loopback"),
        ("*", "any"),
        (MACHINES["parent"].upper(), "parent"),
        (SERVICE, SERVICE),
    ],
)
def test_a_machine_is_a_name_or_a_uuid(machine: str, canonical: str) -> None:
    address = Address.parse(f"hyperv://{machine}/{SERVICE.upper()}")

    assert isinstance(address, HypervAddress)
    assert address.service == SERVICE
    assert str(address) == f"hyperv://{canonical}/{SERVICE}"


@settings(deadline=None)
@given(address=HYPERV)
def test_every_address_survives_its_text_and_its_sockaddr(address: HypervAddress) -> None:
    assert Address.parse(str(address)) == address
    assert from_sockaddr(address.sockaddr(), None, None) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hyperv:parent/x", "hyperv: is not followed by //: expected hyperv://parent/"),
        ("hyperv://parent", "it names no service: expected one as in hyperv://parent/"),
        ("hyperv://parent/", "service '' is no UUID"),
        ("hyperv://parent/1234", "service '1234' is no UUID"),
        (f"hyperv://parent/{SERVICE}?x=1", "is no UUID"),
        (f"hyperv://parent/{SERVICE.replace('f', 'g')}", "is no UUID"),
        (f"hyperv://partner/{SERVICE}", "'partner' is unknown: expected a UUID, any, broadcast"),
        (f"hyperv://1-2/{SERVICE}", "vm '1-2' is no UUID"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_python_without_hyperv_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_HYPERV", raising=False)
    monkeypatch.delattr(socket, "HV_PROTOCOL_RAW", raising=False)
    address = HypervAddress(MACHINES["parent"], SERVICE)

    with pytest.raises(AddressError, match=r"without Hyper-V sockets .socket.AF_HYPERV is missing"):
        assert address.family
    with pytest.raises(AddressError, match=r"HV_PROTOCOL_RAW is missing"):
        assert address.protocol


def test_a_python_with_hyperv_is_told_family_kind_and_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "AF_HYPERV", 34, raising=False)
    monkeypatch.setattr(socket, "HV_PROTOCOL_RAW", 1, raising=False)
    address = HypervAddress(MACHINES["parent"], SERVICE)

    assert (address.family, address.kind, address.protocol) == (34, socket.SOCK_STREAM, 1)
    assert Address.from_sockaddr(34, address.sockaddr(), address.kind, 1) == address


@pytest.mark.parametrize("sockaddr", [None, ("x", SERVICE), (SERVICE,), (SERVICE, 1)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        from_sockaddr(sockaddr, None, None)
