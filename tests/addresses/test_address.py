from __future__ import annotations

import copy
import dataclasses
import pickle
import socket
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import portside.addresses
from portside.addresses import Address, Inet4Address, Target, UnixAddress, VsockAddress
from portside.errors import AddressError

ONE_OF_EACH = [
    "tcp://localhost:80",
    "tcp://1.2.3.4:80",
    "udp://[fe80::1%25eth0]:80",
    "raw://1.2.3.4?protocol=icmp",
    "unixgram:/run/x.sock",
    "fd:3",
    "vsock://host:1234",
    "netlink:route",
    "packet:eth0?proto=0x0800",
    "can:can0",
    "can+isotp:can0?rx=0x1&tx=0x2",
    "can+j1939:can0",
    "rfcomm://[AA:BB:CC:DD:EE:FF]:3",
    "l2cap://[AA:BB:CC:DD:EE:FF]:0x1001",
    "sco://[AA:BB:CC:DD:EE:FF]",
    "hci:0",
    "alg:hash/sha256",
    "tipc:name/18888:17",
    "tipc:nameseq/18888:0-9",
    "tipc:id/1:2",
    "qrtr://1:17",
    "hyperv://parent/00000400-facb-11e6-bd58-64006a7986d3",
    "rds://1.2.3.4:80",
    "divert://127.0.0.1:8668",
    "kctl:com.apple.net.utun_control",
]


@pytest.mark.parametrize("text", ONE_OF_EACH)
def test_every_address_is_a_value(text: str) -> None:
    address, twin = Address.parse(text), Address.parse(text)

    assert str(address) == text
    assert address == twin
    assert hash(address) == hash(twin)
    assert pickle.loads(pickle.dumps(address)) == copy.deepcopy(address) == address
    assert not hasattr(address, "__dict__")
    assert dataclasses.is_dataclass(address)
    for field in dataclasses.fields(address):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(address, field.name, getattr(address, field.name))
    assert repr(address).startswith(f"{type(address).__name__}(")


def test_addresses_of_different_families_are_never_equal() -> None:
    addresses = {Address.parse(text) for text in ONE_OF_EACH}

    assert len(addresses) == len({type(address) for address in addresses}) == len(ONE_OF_EACH)


def test_every_class_is_exported_and_has_been_tried_above() -> None:
    concrete = {
        name
        for name in portside.addresses.__all__
        if name.endswith("Address") and not getattr(portside.addresses, name).__abstractmethods__
    }

    assert concrete == {type(Address.parse(text)).__name__ for text in ONE_OF_EACH}


def test_an_address_is_parsed_made_of_a_target_or_of_a_sockaddr() -> None:
    address = Address.parse("tcp://127.0.0.1:80")

    assert Address.of(("127.0.0.1", 80)) == address
    assert Address.of("127.0.0.1:80") == address
    assert Address.of(address) is address
    assert Address.of(Path("/x")) == UnixAddress("/x")
    assert Address.from_sockaddr(socket.AF_INET, ("127.0.0.1", 80)) == address
    assert Address.from_sockaddr(
        socket.AF_INET, ("127.0.0.1", 80), kind=socket.SOCK_DGRAM
    ) == Inet4Address("127.0.0.1", 80, "udp")


def test_an_address_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"'nonsense': it has no port"):
        Address.parse("nonsense")


def test_another_sockaddr_keeps_kind_and_protocol() -> None:
    address = VsockAddress(2, 1234, "seqpacket")
    if not hasattr(socket, "AF_VSOCK"):
        pytest.skip("this Python lacks socket.AF_VSOCK")

    assert address.with_sockaddr(socket.AF_VSOCK, (3, 5)) == VsockAddress(3, 5, "seqpacket")


def test_the_usual_constants_are_the_socket_modules_enums() -> None:
    address = Address.parse("unix:/run/x.sock")

    assert isinstance(Address.parse("127.0.0.1:80").family, socket.AddressFamily)
    assert isinstance(address.kind, socket.SocketKind)
    assert address.protocol == 0


def test_a_missing_constant_matters_only_to_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_BLUETOOTH", raising=False)

    address = Address.parse("rfcomm://[AA:BB:CC:DD:EE:FF]:3")

    assert address.sockaddr() == ("AA:BB:CC:DD:EE:FF", 3)
    with pytest.raises(AddressError, match=r"built without Bluetooth .socket.AF_BLUETOOTH is miss"):
        assert address.family


def test_parsing_asks_neither_the_kernel_nor_a_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("parsing asked the system")

    for name in ("getaddrinfo", "gethostbyname", "if_nametoindex", "socket", "inet_pton"):
        monkeypatch.setattr(socket, name, refuse)

    for text in ONE_OF_EACH:
        assert str(Address.parse(text)) == text


def test_a_target_may_be_any_of_four_things() -> None:
    assert len(get_args(Target)) == 4
    assert Address in get_args(Target)


def test_importing_addresses_is_light() -> None:
    # The package above is put in place by hand: what it imports itself is its own affair.
    script = (
        "import sys, types; package = sys.modules['portside'] = types.ModuleType('portside'); "
        "package.__path__ = sys.argv[1:]; import portside.addresses; print(*sys.modules)"
    )
    package = Path(portside.addresses.__file__).parent.parent

    loaded = subprocess.run(
        [sys.executable, "-c", script, str(package)], check=True, capture_output=True, text=True
    ).stdout.split()

    heavy = {"asyncio", "ssl", "ipaddress", "urllib", "difflib", "random", "logging", "uuid"}
    others = {name.split(".")[1] for name in loaded if name.startswith("portside.")}
    assert not heavy & set(loaded)
    assert others == {"addresses", "errors"}
