from __future__ import annotations

import socket

import pytest

from portside.addresses.constants import constant, kind_constant, kind_name
from portside.errors import AddressError


def test_a_constant_is_the_socket_modules_own() -> None:
    assert constant("tcp://h:1", "AF_INET", "IPv4") is socket.AF_INET


def test_a_constant_that_this_python_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_BLUETOOTH", raising=False)

    with pytest.raises(AddressError) as caught:
        constant("sco://[…]", "AF_BLUETOOTH", "Bluetooth")

    assert caught.value.text == "sco://[…]"
    assert caught.value.reason == (
        "this Python was built without Bluetooth (socket.AF_BLUETOOTH is missing)"
    )


@pytest.mark.parametrize("name", ["stream", "dgram", "raw"])
def test_a_kind_is_known_by_its_name_and_back(name: str) -> None:
    kind = kind_constant("tcp://h:1", name)

    assert kind is getattr(socket, f"SOCK_{name.upper()}")
    assert kind_name(kind, ["stream", "dgram", "raw"]) == name
    assert kind_name(int(kind), [name]) == name


def test_no_kind_is_the_first_one() -> None:
    assert kind_name(None, ["raw", "dgram"]) == "raw"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, 99])
def test_a_kind_that_the_family_lacks_is_refused(kind: int) -> None:
    with pytest.raises(AddressError, match=r"does not exist in this family: expected raw or dgram"):
        kind_name(kind, ["raw", "dgram"])


def test_a_kind_that_this_python_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SOCK_RDM", raising=False)

    with pytest.raises(AddressError, match=r"without rdm sockets .socket.SOCK_RDM is missing"):
        kind_constant("tipc:id/1:2", "rdm")
