from __future__ import annotations

import os
import pickle
import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, UnixAddress
from portside.errors import AddressError

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract names")

TRANSPORTS = st.sampled_from(["unix", "unixgram", "unixpacket"])
PATHS = st.binary(max_size=60).filter(lambda path: 0 not in path)
PATH_ADDRESSES = st.builds(
    UnixAddress, PATHS.map(lambda path: path.decode("utf-8", "surrogateescape")), TRANSPORTS
)
ABSTRACT_ADDRESSES = st.builds(UnixAddress, transport=TRANSPORTS, abstract=st.binary(max_size=107))
AUTOBIND = st.builds(UnixAddress, transport=TRANSPORTS, autobind=st.just(value=True))


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("unix:///run/x.sock", UnixAddress("/run/x.sock"), "unix:/run/x.sock"),
        ("unix:/run/x.sock", UnixAddress("/run/x.sock"), "unix:/run/x.sock"),
        ("UNIX:rel/x.sock", UnixAddress("rel/x.sock"), "unix:rel/x.sock"),
        ("unix:./x", UnixAddress("./x"), "unix:./x"),
        ("unixgram:/x", UnixAddress("/x", "unixgram"), "unixgram:/x"),
        ("unixpacket:/x", UnixAddress("/x", "unixpacket"), "unixpacket:/x"),
        ("unix:@name", UnixAddress(abstract=b"name"), "unix:@name"),
        ("unix:@a%00b%ff", UnixAddress(abstract=b"a\0b\xff"), "unix:@a%00b%FF"),
        ("unix:@%40x", UnixAddress(abstract=b"@x"), "unix:@%40x"),
        ("unix:@@x", UnixAddress(abstract=b"@x"), "unix:@%40x"),
        ("unix:%40x", UnixAddress("@x"), "unix:%40x"),
        ("unix:", UnixAddress(), "unix:"),
        ("unix:@", UnixAddress(autobind=True), "unix:@"),
        ("unix:@?autobind=yes", UnixAddress(autobind=True), "unix:@"),
        ("unix:@?autobind=no", UnixAddress(abstract=b""), "unix:@?autobind=no"),
        ("unix:////x", UnixAddress("//x"), "unix:////x"),
        ("unix:/a b", UnixAddress("/a b"), "unix:/a%20b"),
        ("unix:/a%3Fb%23%25", UnixAddress("/a?b#%"), "unix:/a%3Fb%23%25"),
        ("unix:/%ff", UnixAddress("/\udcff"), "unix:/%FF"),
        ("unix:/a@b:c", UnixAddress("/a@b:c"), "unix:/a@b:c"),
        ("unix:8000", UnixAddress("8000"), "unix:8000"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: UnixAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=PATH_ADDRESSES | ABSTRACT_ADDRESSES | AUTOBIND)
def test_every_address_survives_its_own_text(address: UnixAddress) -> None:
    assert Address.parse(str(address)) == address
    assert str(Address.parse(str(address))) == str(address)


@needs_linux
@settings(deadline=None)
@given(address=PATH_ADDRESSES | ABSTRACT_ADDRESSES)
def test_every_sockaddr_comes_back(address: UnixAddress) -> None:
    found = Address.from_sockaddr(address.family, address.sockaddr(), address.kind)

    assert found == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unix:/a?b", "write . in a name as %3F"),
        ("unix:/a#b", "write # in a name as %23"),
        ("unix:/a%0", "'%0' is not an encoded byte"),
        ("unix:/a%00", "a path cannot hold a NUL: expected one such as /run/app.sock"),
        ("unix:/a\0", "a path cannot hold a NUL"),
        ("unix:/\ud800", "lone surrogate"),
        ("unix://run/x", "expected unix:run/x or unix:///run/x"),
        ("unix://@x", "expected unix:@x"),
        ("unix://", "no absolute path follows the //"),
        ("unix:@x?autobind=no", "expected none"),
        ("unix:@?autobnd=no", r"did you mean 'autobind'\?"),
        ("unix:@?autobind=maybe", "autobind 'maybe' is unknown: expected no, yes"),
        ("unxi:/run/x", r"scheme 'unxi' is unknown: .*did you mean 'unix'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason) as caught:
        Address.parse(text)

    assert caught.value.text == text


def test_a_socket_has_one_sort_of_name() -> None:
    with pytest.raises(AddressError, match=r"exclude each other: expected one"):
        UnixAddress("/x", abstract=b"x")
    with pytest.raises(AddressError, match=r"exclude each other"):
        UnixAddress(abstract=b"", autobind=True)


def test_a_transport_with_a_mistake_is_refused() -> None:
    with pytest.raises(AddressError, match=r"did you mean 'unixgram'"):
        UnixAddress("/x", "unixgramm")  # type: ignore[arg-type]  # the mistake is the point


@pytest.mark.parametrize(
    ("transport", "kind"),
    [
        ("unix", socket.SOCK_STREAM),
        ("unixgram", socket.SOCK_DGRAM),
        ("unixpacket", socket.SOCK_SEQPACKET),
    ],
)
def test_the_scheme_is_the_kind(transport: str, kind: socket.SocketKind) -> None:
    assert Address.parse(f"{transport}:/x").kind is kind


def test_a_system_without_unix_sockets_is_told_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address.parse("unix:/x")
    monkeypatch.delattr(socket, "AF_UNIX", raising=False)

    with pytest.raises(AddressError, match=r"without Unix sockets .socket.AF_UNIX is missing"):
        assert address.family


@pytest.mark.parametrize(
    ("platform", "limit"), [("linux", 108), ("darwin", 104), ("freebsd14", 104)]
)
def test_a_path_that_does_not_fit_is_refused_when_it_is_used(
    platform: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    fitting = UnixAddress("x" * (limit - 1))
    longer = Address.parse(f"unix:{'x' * limit}")

    assert fitting.sockaddr() == "x" * (limit - 1)
    with pytest.raises(AddressError, match=f"has {limit + 1} bytes .* over the limit of {limit}"):
        longer.sockaddr()


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(AddressError, match=r"over the limit"):
        UnixAddress("\N{LATIN SMALL LETTER E WITH ACUTE}" * 60).sockaddr()


def test_only_linux_has_abstract_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(AddressError, match=r"only Linux has abstract names: expected a path"):
        UnixAddress(abstract=b"x").sockaddr()
    with pytest.raises(AddressError, match=r"only Linux has abstract names"):
        UnixAddress(autobind=True).sockaddr()


@needs_linux
def test_an_abstract_name_that_does_not_fit_is_refused_when_it_is_used() -> None:
    assert UnixAddress(abstract=b"x" * 107).sockaddr() == b"\0" + b"x" * 107
    with pytest.raises(AddressError, match=r"109 bytes with the NUL before it, over the limit of"):
        UnixAddress(abstract=b"x" * 108).sockaddr()


def test_a_path_is_an_address() -> None:
    assert Address.of(Path("/run/x y")) == UnixAddress("/run/x y")
    assert Address.of(Path("x")) == UnixAddress("x")


def test_a_path_of_bytes_is_an_address() -> None:
    class BytesPath(os.PathLike[bytes]):
        def __fspath__(self) -> bytes:
            return b"/run/\xff"

    assert Address.of(BytesPath()) == UnixAddress("/run/\udcff")  # type: ignore[arg-type]  # at run time it is taken


@pytest.mark.parametrize(
    ("sockaddr", "address"),
    [
        ("", UnixAddress()),
        (None, UnixAddress()),
        (b"", UnixAddress()),
        ("/x", UnixAddress("/x")),
        (b"/\xff", UnixAddress("/\udcff")),
        (b"\0", UnixAddress(abstract=b"")),
        (b"\0x\0", UnixAddress(abstract=b"x\0")),
        ("\0x", UnixAddress(abstract=b"x")),
    ],
)
def test_what_the_socket_module_gives_is_read(sockaddr: object, address: UnixAddress) -> None:
    assert Address.from_sockaddr(socket.AF_UNIX, sockaddr) == address


@pytest.mark.parametrize("sockaddr", [3, ("/x",), "/x\0y"])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        Address.from_sockaddr(socket.AF_UNIX, sockaddr)


def test_an_address_is_a_value() -> None:
    address = UnixAddress(abstract=b"x\xff", transport="unixgram")

    assert pickle.loads(pickle.dumps(address)) == address
    assert len({address, UnixAddress("", "unixgram", b"x\xff")}) == 1


def bound(address: Address) -> Address:
    with closing(socket.socket(address.family, address.kind, address.protocol)) as opened:
        opened.bind(address.sockaddr())
        return Address.from_sockaddr(opened.family, opened.getsockname(), opened.type)


def test_the_kernel_takes_a_path_and_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for transport in ("unix", "unixgram"):
        address = Address.parse(f"{transport}:a%20%3F-{transport}")
        assert bound(address) == address


@needs_linux
@pytest.mark.parametrize("name", [b"portside-test", b"portside\0\xff@ test", b""])
def test_the_kernel_takes_an_abstract_name_and_gives_it_back(name: bytes) -> None:
    address = UnixAddress(abstract=name, transport="unixpacket")

    assert bound(address) == address


@needs_linux
def test_the_kernel_picks_a_name_when_it_is_asked_to() -> None:
    found = bound(Address.parse("unixgram:@"))

    assert isinstance(found, UnixAddress)
    assert found.abstract
    assert not found.autobind


def test_the_ends_of_a_socketpair_have_no_name() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(here), closing(there):
        here.send(b"ahoy")
        _, sender = there.recvfrom(16)

        assert Address.from_sockaddr(here.family, here.getsockname()) == UnixAddress()
        assert Address.from_sockaddr(there.family, sender, there.type) == UnixAddress(
            transport="unixgram"
        )
