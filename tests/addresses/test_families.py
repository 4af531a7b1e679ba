from __future__ import annotations

import socket
import string
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portside.addresses import (
    Address,
    HciAddress,
    HostAddress,
    Inet4Address,
    L2capAddress,
    RawAddress,
    RfcommAddress,
    ScoAddress,
    UnixAddress,
    families,
)
from portside.errors import AddressError

DEVICE = "AA:BB:CC:DD:EE:FF"

# Every row of the table in the design notes (research/asyncnet.md, section 6), as written
# there, with placeholders filled in; then the canonical text.
ROWS = [
    ("tcp://1.2.3.4:80", "tcp://1.2.3.4:80"),
    ("tcp4://h:80", "tcp4://h:80"),
    ("udp://1.2.3.4:80", "udp://1.2.3.4:80"),
    ("mptcp://1.2.3.4:80", "mptcp://1.2.3.4:80"),
    ("udplite://1.2.3.4:80", "udplite://1.2.3.4:80"),
    ("tls://h:443", "tls://h:443"),
    ("tcp://:0", "tcp://localhost:0"),
    ("tcp://[fe80::1%25eth0]:80?flowinfo=0", "tcp://[fe80::1%25eth0]:80"),
    ("tcp://[fe80::1%eth0]:80", "tcp://[fe80::1%25eth0]:80"),
    ("unix:///run/x.sock", "unix:/run/x.sock"),
    ("unix:rel/x.sock", "unix:rel/x.sock"),
    ("unixgram:/run/x.sock", "unixgram:/run/x.sock"),
    ("unixpacket:/run/x.sock", "unixpacket:/run/x.sock"),
    ("unix:@name", "unix:@name"),
    ("unix:%40name", "unix:%40name"),
    ("unix:", "unix:"),
    ("unix:@", "unix:@"),
    ("vsock://2:1234", "vsock://host:1234"),
    ("vsock://any:1234", "vsock://any:1234"),
    ("vsock://host:1234", "vsock://host:1234"),
    ("vsock://local:1234", "vsock://local:1234"),
    ("netlink:route?pid=0&groups=0x11", "netlink:route?groups=0x11"),
    (
        "packet:eth0?proto=0x0800&pkttype=host&addr=001122334455",
        "packet:eth0?addr=001122334455&proto=0x0800",
    ),
    ("can:can0", "can:can0"),
    ("can+bcm:can0", "can+bcm:can0"),
    ("can+isotp:can0?rx=0x123&tx=0x456", "can+isotp:can0?rx=0x123&tx=0x456"),
    (
        "can+j1939:can0?name=0x12&pgn=0x34&addr=0x20",
        "can+j1939:can0?addr=0x20&name=0x12&pgn=0x34",
    ),
    (f"rfcomm://[{DEVICE}]:3", f"rfcomm://[{DEVICE}]:3"),
    (
        f"l2cap://[{DEVICE}]:0x1001?cid=4&type=le_public",
        f"l2cap://[{DEVICE}]:0x1001?cid=4&type=le_public",
    ),
    ("hci:0?channel=raw", "hci:0"),
    (f"sco://[{DEVICE}]", f"sco://[{DEVICE}]"),
    ("alg:hash/sha256", "alg:hash/sha256"),
    ("alg:skcipher/cbc(aes)", "alg:skcipher/cbc(aes)"),
    ("tipc:name/18888:17?scope=cluster", "tipc:name/18888:17"),
    ("tipc:nameseq/18888:0-9", "tipc:nameseq/18888:0-9"),
    ("tipc:id/16781313:1234567", "tipc:id/16781313:1234567"),
    ("qrtr://1:17", "qrtr://1:17"),
    (
        "hyperv://parent/00000400-FACB-11E6-BD58-64006A7986D3",
        "hyperv://parent/00000400-facb-11e6-bd58-64006a7986d3",
    ),
    ("rds://1.2.3.4:4000", "rds://1.2.3.4:4000"),
    ("divert://:8668", "divert://127.0.0.1:8668"),
    ("kctl:com.apple.net.utun_control?unit=1", "kctl:com.apple.net.utun_control?unit=1"),
    ("fd:3", "fd:3"),
    ("fd:name", "fd:name"),
]

SCHEMES = st.sampled_from(sorted(families.SCHEMES))
PIECES = st.sampled_from(
    [*"/:@?&=%#[]*.-~+ ", "//", "::", "%25", "%00", "0x", "localhost", "eth0", "1.2.3.4", "::1"]
)
KEYS = st.sampled_from(["flowinfo=", "kind=", "pid=", "proto=", "rx=", "tx=", "unit=", "scope="])
SCRAPS = st.lists(
    PIECES | KEYS | st.text(max_size=3) | st.text(string.printable, max_size=3), max_size=8
).map("".join)


def parsed(text: str) -> Address | AddressError:
    try:
        return Address.parse(text)
    except AddressError as error:
        return error


@pytest.mark.parametrize(("text", "canonical"), ROWS)
def test_every_row_of_the_design_is_read_and_printed(text: str, canonical: str) -> None:
    address = Address.parse(text)

    assert str(address) == canonical
    assert Address.parse(canonical) == address


def test_every_scheme_has_a_row_and_may_be_in_upper_case() -> None:
    rows = {text.partition(":")[0].rstrip("46") for text, _ in ROWS} | {"raw"}

    assert {scheme.rstrip("46") for scheme in families.SCHEMES} == rows
    for text, _ in ROWS:
        scheme, colon, rest = text.partition(":")
        assert Address.parse(scheme.upper() + colon + rest) == Address.parse(text)


@settings(max_examples=1500, deadline=None)
@given(text=st.text(max_size=30) | st.builds("{}:{}".format, SCHEMES, SCRAPS) | SCRAPS)
@example("\ud800:1")
@example("unix:\ud800")
@example("tcp://[::1%\ud800]:1")
@example("1" * 10_000)
@example("tcp://" + "[" * 10_000)
def test_any_text_is_an_address_that_survives_printing_or_an_address_error(text: str) -> None:
    address = parsed(text)
    if isinstance(address, AddressError):
        assert address.text == text
        assert address.reason
        return

    printed = str(address)

    assert Address.parse(printed) == address
    assert str(Address.parse(printed)) == printed
    assert printed.isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty: expected host:port, such as localhost:8000"),
        ("nonsense", "it has no port: expected host:port, such as nonsense:8000"),
        ("/run/x.sock", "it looks like a path: expected unix:/run/x.sock"),
        ("./x y", "it looks like a path: expected unix:./x%20y"),
        ("../x", "expected unix:../x"),
        ("@name", "it looks like an abstract Unix name: expected unix:@name"),
        (
            "tpc://h:80",
            r"scheme 'tpc' is unknown: .*; did you mean 'tipc' or 'tcp'\?",
        ),
        (" tcp://h:80", r"scheme ' tcp' is unknown: .*; did you mean 'tcp' or 'tcp.'\?"),
        ("https://h:80", "scheme 'https' is unknown: expected tcp, tls, udp, unix, fd, vsock"),
        ("unxi:/run/x", r"scheme 'unxi' is unknown: .*; did you mean 'unix'\?"),
        ("netlnk:route", r"did you mean 'netlink'\?"),
        ("h:http", "port 'http' is not a decimal number"),
        ("h:80#x", "it has a fragment: expected none; write # in a name as %23"),
        ("::1:80", r"expected \[host\]:port, such as \[::1\]:80"),
        ("[::1", r"its \[ is not closed"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason) as caught:
        Address.parse(text)

    assert caught.value.text == text
    assert str(caught.value).startswith(repr(text))


def test_a_name_like_a_scheme_is_a_host_without_a_scheme_of_its_own() -> None:
    assert Address.parse("tpc:80") == HostAddress("tpc", 80)
    assert Address.parse("tcp://can:80") == HostAddress("can", 80)


def test_whatever_names_an_address_is_one() -> None:
    address = Address.parse("[::1]:80")

    assert families.of(address) is address
    assert families.of("[::1]:80") == address
    assert families.of(("::1", 80)) == address
    assert families.of(Path("/run/x.sock")) == UnixAddress("/run/x.sock")


def test_a_tuple_with_a_mistake_is_named_as_a_whole() -> None:
    with pytest.raises(AddressError, match=r"port 65536 is out of range") as caught:
        families.of(("h", 65536))

    assert caught.value.text == "('h', 65536)"


@pytest.mark.parametrize("target", [None, 8000, b"h:80", ["h", 80]])
def test_anything_else_does_not_name_an_address(target: object) -> None:
    with pytest.raises(TypeError, match=r"expected a text, .host, port., a path or an Address"):
        families.of(target)  # type: ignore[arg-type]  # the wrong type is the point


def test_a_sockaddr_is_read_by_its_family() -> None:
    assert families.from_sockaddr(
        socket.AF_INET, ("1.2.3.4", 1), socket.SOCK_DGRAM, None
    ) == Inet4Address("1.2.3.4", 1, "udp")
    assert families.from_sockaddr(
        int(socket.AF_INET), ("1.2.3.4", 0), socket.SOCK_RAW, 1
    ) == RawAddress("1.2.3.4", 1)


def test_a_sockaddr_with_a_mistake_is_named_as_a_whole() -> None:
    with pytest.raises(AddressError, match=r"'h' is not an IPv4 address") as caught:
        families.from_sockaddr(socket.AF_INET, ("h", 1), None, None)

    assert caught.value.text == "('h', 1)"


@pytest.mark.parametrize("family", [socket.AF_UNSPEC, 9999])
def test_an_unknown_family_is_refused(family: int) -> None:
    with pytest.raises(AddressError, match=r"is unknown here: expected AF_INET, .* or AF_SYSTEM"):
        families.from_sockaddr(family, ("h", 1), None, None)


@pytest.mark.parametrize(
    ("sockaddr", "kind", "protocol", "address"),
    [
        ((DEVICE, 3), None, None, RfcommAddress(DEVICE, 3)),
        ((DEVICE, 3), socket.SOCK_STREAM, None, RfcommAddress(DEVICE, 3)),
        ((DEVICE, 3), socket.SOCK_SEQPACKET, None, L2capAddress(DEVICE, 3)),
        ((DEVICE, 3), None, 0, L2capAddress(DEVICE, 3)),
        ((DEVICE, 3), socket.SOCK_STREAM, 3, RfcommAddress(DEVICE, 3)),
        ((DEVICE, 3), socket.SOCK_STREAM, 0, L2capAddress(DEVICE, 3, kind_name="stream")),
        ((DEVICE, 3, 4), None, None, L2capAddress(DEVICE, 3, 4)),
        (DEVICE, None, None, ScoAddress(DEVICE)),
        (DEVICE.encode(), None, 2, ScoAddress(DEVICE)),
        (DEVICE, socket.SOCK_RAW, None, HciAddress(DEVICE)),
        (DEVICE, None, 1, HciAddress(DEVICE)),
        (0, None, None, HciAddress(0)),
        ((0, 1), None, None, HciAddress(0, 1)),
    ],
)
def test_bluetooth_is_told_by_protocol_or_else_by_form_and_kind(
    sockaddr: object,
    kind: int | None,
    protocol: int | None,
    address: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "AF_BLUETOOTH", 31, raising=False)
    for number, name in enumerate(["L2CAP", "HCI", "SCO", "RFCOMM"]):
        monkeypatch.setattr(socket, f"BTPROTO_{name}", number, raising=False)

    assert Address.from_sockaddr(31, sockaddr, kind, protocol) == address


def test_a_family_is_read_even_where_python_lacks_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AF_VSOCK", "AF_NETLINK", "AF_PACKET", "AF_CAN", "AF_BLUETOOTH"):
        monkeypatch.delattr(socket, name, raising=False)

    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as opened:
        found = Address.from_sockaddr(opened.family, opened.getsockname())

    assert found == Inet4Address("0.0.0.0", 0)
