from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from portside.addresses import Address, HostAddress
from portside.system.lookup import addresses_at_hand, look_up, look_up_apart

PATIENCE = 20.0

TOO_LONG_IN_THE_DNS = "tcp://" + "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 60 + ".example:80"
"""A name whose label fits as it is, and not as RFC 3492 writes it."""


@pytest.fixture
def nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*question: object) -> None:
        raise AssertionError(f"the resolver was asked for {question}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def answer(monkeypatch: pytest.MonkeyPatch, *sockaddrs: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Let the resolver give these, and return the questions that it was asked."""
    asked: list[tuple[Any, ...]] = []
    families = {2: socket.AF_INET, 4: socket.AF_INET6}

    def getaddrinfo(*question: Any) -> list[tuple[Any, ...]]:
        asked.append(question)
        return [(families[len(one)], question[3], question[4], "", one) for one in sockaddrs]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def texts(addresses: Sequence[Address] | None) -> list[str] | None:
    return None if addresses is None else [str(address) for address in addresses]


@pytest.mark.usefixtures("nobody_asked")
@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("tcp://127.0.0.1:80", ["tcp://127.0.0.1:80"]),
        ("tls://[::1]:80", ["tls://[::1]:80"]),
        ("unix:/x", ["unix:/x"]),
        ("fd:3", ["fd:3"]),
        ("tcp://*:80", ["tcp://*:80"]),
        ("tcp://localhost:80", ["tcp://127.0.0.1:80", "tcp://[::1]:80"]),
        ("tls://LOCALHOST:80", ["tls://127.0.0.1:80", "tls://[::1]:80"]),
        ("tcp4://localhost:80", ["tcp://127.0.0.1:80"]),
        ("udp6://localhost:80", ["udp://[::1]:80"]),
        ("tcp://app.localhost:80", ["tcp://127.0.0.1:80", "tcp://[::1]:80"]),
        ("tcp://localhost.:80", ["tcp://127.0.0.1:80", "tcp://[::1]:80"]),
        (":80", ["tcp://127.0.0.1:80", "tcp://[::1]:80"]),
        ("tcp://www.example.com:80", None),
        ("tcp://notlocalhost:80", None),
        ("tcp://localhost.example.com:80", None),
    ],
)
def test_what_is_at_hand_is_not_looked_up(target: str, found: list[str] | None) -> None:
    assert texts(addresses_at_hand(Address.parse(target))) == found


@pytest.mark.usefixtures("nobody_asked")
@pytest.mark.parametrize("target", ["tcp://127.0.0.1:80", "tcp://[::1]:80", "unix:/x"])
def test_an_address_is_its_own_answer(target: str) -> None:
    assert texts(look_up(Address.parse(target))) == [target]


def test_a_name_has_its_addresses_in_the_order_of_the_resolver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = answer(
        monkeypatch, ("2001:db8::1", 443, 0, 0), ("192.0.2.1", 443), ("2001:db8::2", 443, 0, 0)
    )

    found = look_up(Address.parse("tls://www.example.com:443"))

    assert texts(found) == [
        "tls://[2001:db8::1]:443",
        "tls://192.0.2.1:443",
        "tls://[2001:db8::2]:443",
    ]
    assert asked == [
        ("www.example.com", 443, socket.AF_UNSPEC, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    ]


def test_an_address_that_is_given_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ("192.0.2.1", 80), ("192.0.2.2", 80), ("192.0.2.1", 80))

    found = look_up(Address.parse("tcp://www.example.com:80"))

    assert texts(found) == ["tcp://192.0.2.1:80", "tcp://192.0.2.2:80"]


@pytest.mark.parametrize(
    ("target", "family", "kind"),
    [
        ("tcp4://www.example.com:53", socket.AF_INET, socket.SOCK_STREAM),
        ("udp6://www.example.com:53", socket.AF_INET6, socket.SOCK_DGRAM),
    ],
)
def test_the_resolver_is_asked_only_for_what_is_wanted(
    target: str, family: int, kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer(monkeypatch)

    look_up(Address.parse(target))

    assert asked[0][2:4] == (family, kind)


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_that_nobody_knows_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    fail_with(unknown, monkeypatch)

    with pytest.raises(OSError, match="Name or service not known") as caught:
        look_up(Address.parse("tcp://www.example.invalid:80"))

    assert caught.value is unknown


def test_a_name_that_the_dns_cannot_hold_is_an_os_error_too() -> None:
    with pytest.raises(OSError, match="label"):
        look_up(Address.parse(TOO_LONG_IN_THE_DNS))


def look_up_and_wait(target: str) -> Sequence[Address] | OSError:
    answers: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()
    look_up_apart(Address.parse(target), answers.put)
    return answers.get(timeout=PATIENCE)


def test_a_lookup_apart_delivers_the_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ("192.0.2.1", 80))

    found = look_up_and_wait("tcp://www.example.com:80")

    assert not isinstance(found, OSError)
    assert texts(found) == ["tcp://192.0.2.1:80"]


def test_a_lookup_apart_delivers_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    fail_with(unknown, monkeypatch)

    assert look_up_and_wait("tcp://www.example.invalid:80") is unknown


def test_a_lookup_apart_delivers_a_name_that_the_dns_cannot_hold_as_an_os_error() -> None:
    found = look_up_and_wait(TOO_LONG_IN_THE_DNS)

    assert isinstance(found, OSError)
    assert "label" in str(found)


def test_a_lookup_apart_does_not_make_its_caller_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    threads: list[threading.Thread] = []

    def getaddrinfo(*_: object) -> list[tuple[Any, ...]]:
        threads.append(threading.current_thread())
        assert go_on.wait(PATIENCE)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    answers: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()

    look_up_apart(HostAddress("www.example.com", 80), answers.put)
    assert answers.empty()  # and still we are here
    go_on.set()

    assert answers.get(timeout=PATIENCE) == []
    assert threads[0].daemon, "it must not keep the program from ending"
    assert threads[0].name == "lookup of tcp://www.example.com:80"
