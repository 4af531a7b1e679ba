from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses.literals import canonical_inet6, is_inet4, mapped_inet4


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "127.0.0.1", "255.255.255.255", "1.2.3.4", "10.0.0.23", "192.168.100.200"],
)
def test_ipv4_is_four_decimal_numbers(text: str) -> None:
    assert is_inet4(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "127.0.1",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "1..3.4",
        "010.8.8.8",
        "08.8.8.8",
        "1.2.3.04",
        "00.0.0.0",
        "256.0.0.1",
        "1.2.3.1000",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "-1.2.3.4",
        "+1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4\n",
        "1.2.3.4\0",
        "1.2.3.a",
        "1,2,3,4",
        "1_0.0.0.1",
        "1.2.3.\N{FULLWIDTH DIGIT FOUR}",
        "1.2.3.\N{ARABIC-INDIC DIGIT FOUR}",
        "1.2.3.4/24",
        "::1.2.3.4",
    ],
)
def test_anything_else_is_not_ipv4(text: str) -> None:
    assert not is_inet4(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("::", "::"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("0000:0000:0000:0000:0000:0000:0000:0000", "::"),
        ("::0", "::"),
        ("0::", "::"),
        ("0::0", "::"),
        ("::0.0.0.0", "::"),
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("::0001", "::1"),
        ("0::1", "::1"),
        ("1::", "1::"),
        ("1:0:0:0:0:0:0:0", "1::"),
        ("1::0", "1::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6::8", "1:2:3:4:5:6:0:8"),
        ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"),
        ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
        ("1:2:3:4:5:0:0:8", "1:2:3:4:5::8"),
        ("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"),
        ("1:0:0:4:0:0:0:8", "1:0:0:4::8"),
        ("1:0:0:4:5:0:0:8", "1::4:5:0:0:8"),
        ("1:0:3:0:5:0:7:0", "1:0:3:0:5:0:7:0"),
        ("0:0:0:4:0:0:0:8", "::4:0:0:0:8"),
        ("0:0:3:4:5:0:0:0", "0:0:3:4:5::"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"),
        ("2001:DB8:85A3::8A2E:370:7334", "2001:db8:85a3::8a2e:370:7334"),
        ("fe80::1", "fe80::1"),
        ("FE80::0202:B3FF:FE1E:8329", "fe80::202:b3ff:fe1e:8329"),
        ("fe80:0000:0000:0000:0204:61ff:fe9d:f156", "fe80::204:61ff:fe9d:f156"),
        ("fe80:0:0:0:204:61ff:fe9d:f156", "fe80::204:61ff:fe9d:f156"),
        ("fe80::204:61ff:254.157.241.86", "fe80::204:61ff:fe9d:f156"),
        ("ff02::1", "ff02::1"),
        ("ff01:0:0:0:0:0:0:101", "ff01::101"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::FFFF:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:102:304", "::ffff:1.2.3.4"),
        ("::ffff:0a00:0017", "::ffff:10.0.0.23"),
        ("::ffff:10.0.0.23", "::ffff:10.0.0.23"),
        ("0:0:0:0:0:ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
        ("::ffff:255.255.255.255", "::ffff:255.255.255.255"),
        ("::1.2.3.4", "::102:304"),
        ("::13.1.68.3", "::d01:4403"),
        ("0:0:0:0:0:0:13.1.68.3", "::d01:4403"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("64:ff9b::c000:221", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"),
        ("1::1.2.3.4", "1::102:304"),
        ("::ffff:0:1.2.3.4", "::ffff:0:102:304"),
        ("::1:ffff:1.2.3.4", "::1:ffff:102:304"),
        ("2002:c000:204::", "2002:c000:204::"),
        ("a:B:c:D:e:F:0:1", "a:b:c:d:e:f:0:1"),
        ("::a", "::a"),
        ("12:34:56:78:9a:bc:de:f0", "12:34:56:78:9a:bc:de:f0"),
    ],
)
def test_ipv6_has_one_canonical_text(text: str, canonical: str) -> None:
    assert canonical_inet6(text) == canonical
    assert canonical_inet6(canonical) == canonical
    assert int(ipaddress.IPv6Address(canonical)) == int(ipaddress.IPv6Address(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":::",
        "1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "1::2::3",
        "::1::",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:",
        ":1",
        "1:",
        ":1::",
        "::1:",
        "1:::2",
        "12345::",
        "::00001",
        "g::",
        "::-1",
        "::+1",
        ":: 1",
        " ::1",
        "::1 ",
        "::1\n",
        "::1\0",
        "0x1::",
        "1.2.3.4",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "::01.2.3.4",
        "::ffff:010.8.8.8",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "1.2.3.4::1",
        "::1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "1:2:3:4:5:6::1.2.3.4",
        "::.",
        "::1%eth0",
        "[::1]",
        "::1/128",
        "::\N{FULLWIDTH DIGIT ONE}",
        "1_0::",
    ],
)
def test_anything_else_is_not_ipv6(text: str) -> None:
    assert canonical_inet6(text) is None


@settings(deadline=None)
@given(number=st.integers(0, 2**128 - 1) | st.integers(0, 2**64) | st.sampled_from([0xFFFF << 32]))
def test_every_ipv6_address_is_printed_as_rfc_5952_asks(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    packed = address.packed

    canonical = canonical_inet6(address.exploded)

    assert canonical is not None
    assert socket.inet_pton(socket.AF_INET6, canonical) == packed
    if address.ipv4_mapped is None:
        assert canonical == address.compressed
    else:
        assert canonical == f"::ffff:{address.ipv4_mapped}"


@settings(deadline=None)
@given(text=st.text(alphabet="0123456789abcdefF:.", max_size=46))
def test_any_text_is_read_as_ipaddress_reads_it(text: str) -> None:
    try:
        expected = ipaddress.IPv6Address(text).packed
    except ValueError:
        expected = None

    canonical = canonical_inet6(text)

    assert (canonical and socket.inet_pton(socket.AF_INET6, canonical)) == expected


@settings(deadline=None)
@given(text=st.text(alphabet="0123456789.x", max_size=16))
def test_any_text_is_ipv4_if_ipaddress_says_so(text: str) -> None:
    try:
        expected = str(ipaddress.IPv4Address(text)) == text
    except ValueError:
        expected = False

    assert is_inet4(text) == expected


def test_an_endless_text_is_not_ipv6() -> None:
    assert canonical_inet6("1:" * 1_000_000) is None


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::ffff:0:102:304", None),
        ("::ffff", None),
        ("::102:304", None),
        ("::1", None),
    ],
)
def test_an_ipv4_address_is_found_inside_a_mapped_one_only(host: str, inside: str | None) -> None:
    assert mapped_inet4(host) == inside
