from __future__ import annotations

import dataclasses
import ssl
from typing import Any

import pytest

from portside.addresses import Address, Inet4Address
from portside.errors import AddressError
from portside.system.calling import Call
from portside.system.tls import client_context


def call(target: Any, **arguments: Any) -> Call:
    """Put a call together, with the defaults of ``connect``."""
    given: dict[str, Any] = {
        "tls": None,
        "server_hostname": None,
        "alpn": (),
        "local_address": None,
        "options": None,
    }
    return Call.of(target, **{**given, **arguments})


@pytest.mark.parametrize(
    "target",
    ["tcp://www.example.com:80", ("www.example.com", 80), Address.parse("www.example.com:80")],
)
def test_a_target_is_read_in_each_of_its_forms(target: object) -> None:
    assert call(target) == Call(Address.parse("tcp://www.example.com:80"), None, None, None, None)


def test_a_call_is_a_value() -> None:
    made = call("tcp://localhost:80")

    with pytest.raises(dataclasses.FrozenInstanceError):
        made.target = Address.parse("tcp://localhost:81")  # type: ignore[misc]  # the point


@pytest.mark.parametrize("tls", [None, False])
def test_tcp_is_plain_text_unless_tls_is_asked_for(*, tls: bool | None) -> None:
    assert call("tcp://localhost:80", tls=tls).context is None


@pytest.mark.parametrize(
    ("target", "tls"),
    [("tls://localhost:80", None), ("tls://localhost:80", True), ("tcp://localhost:80", True)],
)
def test_tls_is_asked_for_by_the_scheme_or_the_argument(target: str, *, tls: bool | None) -> None:
    made = call(target, tls=tls)

    assert made.context is not None
    assert made.context.verify_mode == ssl.CERT_REQUIRED
    assert made.context.check_hostname
    assert made.server_hostname == "localhost"


@pytest.mark.parametrize("target", ["tls://localhost:80", "tcp://localhost:80"])
def test_a_context_is_used_as_it_is(target: str) -> None:
    context = client_context(verify=False)

    assert call(target, tls=context).context is context


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("tls://WWW.Example.com:443", "www.example.com"),
        ("tls://127.0.0.1:443", "127.0.0.1"),
        ("tls://[::1]:443", "::1"),
        ("tls://[fe80::1%25lo]:443", "fe80::1"),
        ("tls://www.example.com.:443", "www.example.com"),
    ],
)
def test_the_name_to_check_is_the_host(target: str, name: str) -> None:
    # RFC 6066, section 3: the name is sent without the dot at its end, and no certificate has it.
    assert call(target).server_hostname == name


def test_another_name_to_check_may_be_given() -> None:
    assert call("tls://127.0.0.1:443", server_hostname="x.org").server_hostname == "x.org"


def test_a_unix_socket_has_no_name_to_check() -> None:
    with pytest.raises(ValueError, match=r"unix:/x has no host name to check: give server_host"):
        call("unix:/x", tls=True)

    assert call("unix:/x", tls=True, server_hostname="localhost").server_hostname == "localhost"
    assert call("unix:/x", tls=client_context(verify=False)).server_hostname is None


def test_the_protocols_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", lambda _, alpn: offered.append(alpn))

    call("tls://localhost:443", alpn=["h2"])

    assert offered == [["h2"]]


@pytest.mark.parametrize(
    ("target", "arguments", "reason"),
    [
        ("tcp://*:80", {}, r"tcp://\*:80 is every interface: connect to one, such as localhost"),
        ("fd:3", {}, r"fd:3 is open already: Stream.wrap takes it over"),
        ("udp://localhost:53", {}, r"udp://localhost:53 is not for streams, but for SOCK_DGRAM"),
        ("unixgram:/x", {}, r"unixgram:/x is not for streams"),
        ("tls://localhost:80", {"tls": False}, r"asks for TLS, and tls=False forbids it"),
        ("tcp://localhost:80", {"alpn": ["h2"]}, r"alpn is agreed on in TLS, and there is none"),
        ("tcp://h:80", {"tls": False, "alpn": ["h2"]}, r"alpn is agreed on in TLS"),
        (
            "tls://localhost:80",
            {"tls": client_context(), "alpn": ["h2"]},
            r"alpn belongs into the context",
        ),
        ("tcp://h:80", {"local_address": "localhost:0"}, r"the local address is an IP address"),
        ("tcp://h:80", {"local_address": "tcp://*:0"}, r"an IP address and a port, not tcp://\*:0"),
        ("tcp://h:80", {"local_address": "fd:3"}, r"fd:3"),
        ("tcp://h:80", {"local_address": "unix:/x"}, r"unix:/x"),
        ("tcp://h:80", {"server_hostname": "h"}, r"server_hostname"),
    ],
)
def test_what_contradicts_itself_is_refused_before_anything_is_opened(
    target: str, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        call(target, **arguments)


@pytest.mark.parametrize("target", ["nonsense", ("localhost", 70000), "tcp://localhost"])
def test_a_target_that_cannot_be_read_is_an_address_error(target: object) -> None:
    with pytest.raises(AddressError):
        call(target)


def test_the_rest_is_passed_on() -> None:
    made = call("tcp://h:80", local_address=("127.0.0.1", 0), options={"nodelay": False})

    assert made.local == Inet4Address("127.0.0.1", 0)
    assert made.options == {"nodelay": False}
