from __future__ import annotations

import stringprep
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portside.addresses.hosts import (
    check_host_name,
    check_inet4,
    check_port,
    read_inet4_pair,
    read_port,
    split_host,
)
from portside.errors import AddressError

LABEL = "a" * 63

# Characters that IDNA drops, or takes for ones of ASCII (RFC 3454, tables B.1 and B.2).
DISGUISES = [
    char
    for char in map(chr, range(0x80, 0x30000))
    if stringprep.in_table_b1(char) or normalize("NFKC", char).isascii()
]
BUECHER = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("localhost", "localhost"),
        ("WWW.Example.COM", "www.example.com"),
        ("example.com.", "example.com."),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("my_container", "my_container"),
        ("a", "a"),
        ("3com.com", "3com.com"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("0xg", "0xg"),
        (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}"),
        (f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}.", f"{LABEL}.{LABEL}.{LABEL}.{'a' * 61}."),
        (BUECHER, BUECHER),
        (BUECHER.upper(), BUECHER.upper()),
        ("\N{DEVANAGARI LETTER HA}\N{DEVANAGARI VOWEL SIGN I}.example",) * 2,
    ],
)
def test_a_name_is_kept_and_in_lower_case_if_it_is_ascii(name: str, kept: str) -> None:
    assert check_host_name(name) == kept


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "-a",
        "a-",
        "a.-b.c",
        "a b",
        "a\tb",
        "a\0b",
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "a:b",
        "a%b",
        "[a]",
        "*",
        "*.example.com",
        "a,b",
        "a" * 64,
        f"{LABEL}.{LABEL}.{LABEL}.{'a' * 62}",
        "a\N{ZERO WIDTH SPACE}b",
        "a\N{NO-BREAK SPACE}b",
        "a\udcffb",
        "a\N{FULLWIDTH SOLIDUS}b",
        "a\N{FULLWIDTH COMMERCIAL AT}b",
        "a\N{ACCOUNT OF}b",
        "\N{FULLWIDTH ASTERISK}",
        "a\N{IDEOGRAPHIC FULL STOP}\N{IDEOGRAPHIC FULL STOP}b",
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        check_host_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "127.1",
        "127.0.1",
        "1.2.3.4",
        "1.2.3.4.",
        "1.2.3.4.5",
        "010.8.8.8",
        "08.8.8.8",
        "256.1.1.1",
        "1.2.3.999",
        "2130706433",
        "0",
        "0x7f.1",
        "0x7f000001",
        "1.2.3.0x4",
        "0X7F",
        "0x",
        "example.1",
        "\N{FULLWIDTH DIGIT ONE}27.1",
        "127\N{IDEOGRAPHIC FULL STOP}1",
        "127\N{FULLWIDTH FULL STOP}0.0.1",
        "127.0.0.\N{SUPERSCRIPT ONE}",
        "127.0.0.\N{CIRCLED DIGIT ONE}",
        "0\N{FULLWIDTH LATIN SMALL LETTER X}7f",
    ],
)
def test_what_a_resolver_would_read_as_ipv4_is_no_name(name: str) -> None:
    with pytest.raises(AddressError, match=r"is not an IPv4 address: expected four numbers"):
        check_host_name(name)


@pytest.mark.parametrize("template", ["010.8.8.8{}", "0x7f.{}1", "a{}b", "{}", "1{}2", "a.{}"])
def test_no_character_hides_from_us_what_the_resolver_will_see(template: str) -> None:
    for char in DISGUISES:
        name = template.format(char)
        if is_taken(name) and (resolved := as_python_resolves(name)) is not None:
            assert is_taken(resolved), f"{name!r} becomes {resolved!r}"


def is_taken(name: str) -> bool:
    try:
        check_host_name(name)
    except AddressError:
        return False
    return True


def as_python_resolves(name: str) -> str | None:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return None


@settings(deadline=None)
@given(name=st.text(max_size=80))
@example("\N{HORIZONTAL ELLIPSIS}a")
@example("a\N{ONE DOT LEADER}1")
def test_a_name_that_is_taken_cannot_be_misread(name: str) -> None:
    try:
        kept = check_host_name(name)
    except AddressError:
        return

    assert check_host_name(kept) == kept
    assert not set(kept) & set(" /?#@:[]%*\0")


@pytest.mark.parametrize(("text", "port"), [("0", 0), ("1", 1), ("8000", 8000), ("65535", 65535)])
def test_a_port_is_a_decimal_number(text: str, port: int) -> None:
    assert read_port(text) == port


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "+80",
        " 80",
        "80 ",
        "0x50",
        "080",
        "00",
        "8_0",
        "http",
        "1.5",
        "\N{FULLWIDTH DIGIT EIGHT}\N{FULLWIDTH DIGIT ZERO}",
    ],
)
def test_a_port_that_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"is not a decimal number: expected 0 to 65535"):
        read_port(text)


@pytest.mark.parametrize("text", ["65536", "70000", "99999", "100000", "9" * 10_000])
def test_a_port_over_the_limit_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"is out of range: expected 0 to 65535, such as 8000"):
        read_port(text)


def test_an_empty_port_is_refused() -> None:
    with pytest.raises(AddressError, match=r"the port is empty: expected 0 to 65535"):
        read_port("")


@pytest.mark.parametrize("port", [-1, 65536, True, "80", 80.0, None])
def test_a_port_that_is_no_small_whole_number_is_refused(port: object) -> None:
    with pytest.raises(AddressError, match=r"is out of range: expected 0 to 65535"):
        check_port(port)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("h:1", ("h", "1")),
        (":1", ("", "1")),
        ("h:", ("h", "")),
        ("[::1]:80", ("[::1]", "80")),
        ("[]:80", ("[]", "80")),
    ],
)
def test_host_and_port_are_cut_at_the_colon_between_them(text: str, pair: tuple[str, str]) -> None:
    assert split_host(text) == pair


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "it has no port: expected host:port, such as nonsense:8000"),
        ("", "it has no port: expected host:port, such as localhost:8000"),
        ("[::1]", r"it has no port: expected host:port, such as \[::1\]:8000"),
        ("[::1", r"its \[ is not closed: expected \[host\]:port, such as \[::1\]:8000"),
        ("[::1]80", r"'80' follows the \]: expected :port, such as \[::1\]:8000"),
        ("::1:80", r"stands in brackets: expected \[host\]:port, such as \[::1\]:80"),
        ("::1", r"such as \[::1\]:8000"),
        ("2001:db8:0:0:0:0:0:1", r"such as \[2001:db8:0:0:0:0:0:1\]:8000"),
        ("a:b:c", r"such as \[::1\]:8000"),
        ("me@h:1", "it names a user before the @: expected host:port, such as localhost:8000"),
        ("h:1/", "it has a path, and ends with the port: expected host:port"),
    ],
)
def test_what_is_not_host_and_port_is_refused_with_what_was_meant(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        split_host(text)


def test_an_ipv4_address_is_asked_for_where_nothing_is_looked_up() -> None:
    assert check_inet4("1.2.3.4") == "1.2.3.4"
    with pytest.raises(AddressError, match=r"'localhost' is not an IPv4 address: expected one"):
        check_inet4("localhost")


def test_without_a_lookup_a_missing_host_is_the_loopback_and_a_star_is_every_interface() -> None:
    assert read_inet4_pair("1.2.3.4:5") == ("1.2.3.4", 5)
    assert read_inet4_pair(":5") == ("127.0.0.1", 5)
    assert read_inet4_pair("*:5") == ("0.0.0.0", 5)
