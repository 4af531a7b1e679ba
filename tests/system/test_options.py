from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portside.defaults import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL
from portside.system.options import OPTION_NAMES, KeepAlive, Options

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this option")
needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")
needs_lowat = pytest.mark.skipif(
    not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="this platform has no TCP_NOTSENT_LOWAT"
)

# One socket serves all examples: what an example sets, it also reads.
repeated = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def options() -> Iterator[Options]:
    with socket.socket() as sock:
        yield Options(sock)


def test_the_names_are_the_options() -> None:
    assert set(OPTION_NAMES) == {
        "broadcast",
        "congestion",
        "defer_accept",
        "device",
        "fast_open",
        "hop_limit",
        "incoming_cpu",
        "keepalive",
        "linger",
        "mark",
        "max_segment",
        "nodelay",
        "notsent_lowat",
        "priority",
        "quick_ack",
        "receive_buffer",
        "receive_low_water",
        "send_buffer",
        "traffic_class",
        "user_timeout",
    }


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_read_back(options: Options, *, value: bool) -> None:
    options.nodelay = value

    assert options.nodelay is value
    assert bool(options.get(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is value


@pytest.mark.parametrize("name", ["send_buffer", "receive_buffer"])
def test_a_buffer_has_at_least_the_size_that_was_set(options: Options, name: str) -> None:
    options.update({name: 50_000})

    size = getattr(options, name)
    assert size == (100_000 if sys.platform == "linux" else 50_000)


def test_the_two_buffers_are_two(options: Options) -> None:
    before = options.receive_buffer

    options.send_buffer = 30_000

    assert options.receive_buffer == before


@needs_linux
@repeated
@given(milliseconds=st.integers(0, 2**31 - 1))
def test_a_user_timeout_is_in_seconds(options: Options, milliseconds: int) -> None:
    options.user_timeout = milliseconds / 1000

    assert options.user_timeout == milliseconds / 1000
    assert options.get(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == milliseconds


@needs_linux
def test_a_user_timeout_is_not_turned_into_none_by_rounding(options: Options) -> None:
    options.user_timeout = 0.0004

    assert options.user_timeout > 0, "0 stands for the kernel's choice, which is minutes"


@needs_lowat
def test_the_low_water_mark_is_read_back(options: Options) -> None:
    options.notsent_lowat = 4096

    assert options.notsent_lowat == 4096


@pytest.mark.parametrize("seconds", [None, 0, 1, 300])
def test_linger_is_read_back(options: Options, seconds: int | None) -> None:
    options.linger = 7
    options.linger = seconds

    assert options.linger == seconds


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_linger_is_written_as_the_platform_reads_it(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []
    sock: Any = SimpleNamespace(
        setsockopt=lambda *args: kept.append(args[2]), getsockopt=lambda *_: kept[-1]
    )
    monkeypatch.setattr(sys, "platform", platform)

    Options(sock).linger = 5

    assert kept == [struct.pack("hh" if platform == "win32" else "ii", 1, 5)]
    assert Options(sock).linger == 5


# Keepalive


def test_keepalive_has_the_numbers_of_the_defaults() -> None:
    expected = KeepAlive(KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT)

    assert KeepAlive() == expected


@needs_linux
@repeated
@given(
    value=st.none()
    | st.builds(KeepAlive, st.integers(1, 32767), st.integers(1, 32767), st.integers(1, 127))
)
def test_keepalive_is_read_back(options: Options, value: KeepAlive | None) -> None:
    options.keepalive = value

    assert options.keepalive == value


def test_a_new_socket_does_not_probe(options: Options) -> None:
    assert options.keepalive is None


def test_numbers_that_the_platform_lacks_read_as_zero(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portside.system.options._KEEPALIVE_NUMBERS", (None, None, None))

    options.keepalive = KeepAlive(60, 60, 5)

    assert options.keepalive == KeepAlive(0, 0, 0)


@needs_unix
def test_a_unix_socket_takes_no_tcp_options() -> None:
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(OSError, match=r".") as caught:
        Options(sock).nodelay = True

    assert caught.value.errno in {errno.EOPNOTSUPP, errno.ENOPROTOOPT, errno.EINVAL}


# What cannot be set


@pytest.mark.parametrize(
    ("constant", "name"),
    [("TCP_USER_TIMEOUT", "user_timeout"), ("TCP_NOTSENT_LOWAT", "notsent_lowat")],
)
def test_an_option_that_the_platform_lacks_is_an_error_in_both_directions(
    options: Options, constant: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, constant, raising=False)

    with pytest.raises(OSError, match=f"this platform has no {constant}") as caught:
        options.update({name: 1})
    assert caught.value.errno == errno.ENOPROTOOPT
    with pytest.raises(OSError, match=f"this platform has no {constant}"):
        getattr(options, name)


@needs_linux
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_timeout", -1),
        ("keepalive", KeepAlive(idle=0)),
        ("keepalive", KeepAlive(interval=0)),
        ("keepalive", KeepAlive(count=1000)),
    ],
)
def test_a_value_that_the_kernel_does_not_take_is_an_os_error(
    options: Options, name: str, value: Any
) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        options.update({name: value})

    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("send_buffer", 1 << 40),
        ("linger", 1 << 40),
        pytest.param("user_timeout", 1e10, marks=needs_linux),
        pytest.param("keepalive", KeepAlive(idle=1 << 40), marks=needs_linux),
    ],
)
def test_a_number_too_large_for_the_kernel_is_refused_like_any_other_value(
    options: Options, name: str, value: Any
) -> None:
    with pytest.raises((OSError, ValueError)):
        options.update({name: value})


def test_an_unknown_option_is_refused_with_a_guess(options: Options) -> None:
    with pytest.raises(
        ValueError, match=r"there is no socket option 'nodeley': did you mean 'nodelay'\?"
    ):
        options.update({"nodeley": True})


@pytest.mark.parametrize("name", ["zzz", "", "_sock", "update", "get"])
def test_what_is_no_option_is_refused(options: Options, name: str) -> None:
    with pytest.raises(ValueError, match=f"there is no socket option '{name}'"):
        options.update({name: 1})


def test_options_are_set_in_the_order_given_up_to_the_first_mistake(options: Options) -> None:
    with pytest.raises(ValueError, match="no socket option"):
        options.update({"nodelay": True, "nonsense": 1, "linger": 5})

    assert options.nodelay
    assert options.linger is None


def test_a_misspelt_attribute_is_an_error_too(options: Options) -> None:
    with pytest.raises(AttributeError):
        options.nodeley = True  # type: ignore[attr-defined]  # the mistake is the point


def test_an_option_belongs_to_its_level() -> None:
    told: list[tuple[int, int, object]] = []
    sock: Any = SimpleNamespace(setsockopt=lambda *args: told.append(args))

    Options(sock).nodelay = True
    Options(sock).send_buffer = 9

    assert told == [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, 9),
    ]


def test_any_other_option_is_reached_by_its_numbers(options: Options) -> None:
    options.set(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    assert options.get(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def test_options_of_a_closed_socket_are_an_os_error() -> None:
    sock = socket.socket()
    sock.close()

    with pytest.raises(OSError, match=r"."):
        assert Options(sock).nodelay


# Options of few platforms


@needs_linux
@pytest.mark.parametrize(
    ("name", "value", "numbers"),
    [
        ("quick_ack", False, ("IPPROTO_TCP", "TCP_QUICKACK")),
        ("fast_open", 16, ("IPPROTO_TCP", "TCP_FASTOPEN")),
        ("max_segment", 536, ("IPPROTO_TCP", "TCP_MAXSEG")),
        ("priority", 6, ("SOL_SOCKET", "SO_PRIORITY")),
        ("receive_low_water", 512, ("SOL_SOCKET", "SO_RCVLOWAT")),
        ("traffic_class", 0x28, ("IPPROTO_IP", "IP_TOS")),
        ("hop_limit", 3, ("IPPROTO_IP", "IP_TTL")),
        ("broadcast", True, ("SOL_SOCKET", "SO_BROADCAST")),
    ],
)
def test_an_option_has_its_own_number_and_is_read_back(
    options: Options, name: str, value: int, numbers: tuple[str, str]
) -> None:
    options.update({name: value})

    assert getattr(options, name) == value
    level, option = (getattr(socket, one) for one in numbers)
    assert options.get(level, option) == value


def test_a_deferred_accept_is_in_seconds(options: Options) -> None:
    if not hasattr(socket, "TCP_DEFER_ACCEPT"):
        pytest.skip("this platform has no TCP_DEFER_ACCEPT")
    options.defer_accept = 30

    assert 15 <= options.defer_accept <= 60, "the kernel rounds it to retransmissions"


@needs_linux
def test_an_incoming_processor_is_one_of_ours_or_none(options: Options) -> None:
    assert -1 <= options.incoming_cpu < 4096


def test_some_numbers_of_an_ipv6_socket_are_others(ipv6: None) -> None:
    del ipv6
    with socket.socket(socket.AF_INET6) as sock:
        options = Options(sock)
        options.traffic_class, options.hop_limit = 0x28, 3

        assert (options.traffic_class, options.hop_limit) == (0x28, 3)
        assert options.get(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 0x28
        assert options.get(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == 3


@needs_linux
def test_a_name_is_read_back(options: Options) -> None:
    usual = options.congestion
    assert usual.isalnum()
    options.congestion = "reno"  # which every kernel has

    assert options.congestion == "reno"
    with pytest.raises(OSError, match=r"No such file|not permitted"):
        options.congestion = "no-such-thing"


@needs_linux
def test_a_device_that_is_not_there_is_an_os_error(options: Options) -> None:
    assert options.device == ""
    with pytest.raises(OSError, match=r"No such device|not permitted"):
        options.device = "no-such-device"


@needs_linux
def test_a_mark_is_for_the_administrator(options: Options) -> None:
    try:
        options.mark = 7
    except PermissionError:
        pytest.skip("this process has no CAP_NET_ADMIN")

    assert options.mark == 7
