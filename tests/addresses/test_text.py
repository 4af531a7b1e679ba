from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses.text import (
    after_slashes,
    check_number,
    check_word,
    decode,
    did_you_mean,
    encode,
    is_hexadecimal,
    is_number,
    join_query,
    listing,
    quote,
    quote_name,
    read_code,
    read_number,
    split_query,
    unquote,
    write_code,
)
from portside.errors import AddressError


@settings(deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_survive_being_quoted(data: bytes) -> None:
    quoted = quote(decode(data))

    assert encode(unquote(quoted)) == data
    assert quoted.isprintable()
    assert not set(quoted) & set(" ?#")


@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_unquoting_any_text_gives_text_or_an_address_error(text: str) -> None:
    try:
        plain = unquote(text)
    except AddressError:
        return

    assert unquote(quote(plain)) == plain


@pytest.mark.parametrize(
    ("plain", "quoted"),
    [
        ("/run/app.sock", "/run/app.sock"),
        ("a b%c?d#e", "a%20b%25c%3Fd%23e"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("\n\x7f\N{NO-BREAK SPACE}", "%0A%7F%C2%A0"),
        ("\udcff", "%FF"),
    ],
)
def test_only_what_would_be_misread_or_unseen_is_quoted(plain: str, quoted: str) -> None:
    assert quote(plain) == quoted
    assert unquote(quoted) == plain


def test_special_characters_are_quoted_on_demand() -> None:
    assert quote("a@b/c", "@/") == "a%40b%2Fc"


@pytest.mark.parametrize("text", ["%", "a%2", "%zz", "%-1", "%\N{FULLWIDTH DIGIT ONE}1", "%%41"])
def test_a_percent_sign_without_two_digits_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"expected two hexadecimal digits, such as %2F"):
        unquote(text)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(AddressError, match=r"lone surrogate"):
        encode("\ud800")


def test_a_name_that_looks_like_a_number_is_quoted() -> None:
    assert quote_name("42") == "%342"
    assert quote_name("web") == "web"
    assert unquote("%342") == "42"


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("17", 17), ("0x11", 17), ("0X1f", 31), ("0x0", 0), ("99", 99)]
)
def test_a_number_is_decimal_or_hexadecimal(text: str, number: int) -> None:
    assert read_number(text, "size", 99) == number


@pytest.mark.parametrize(
    "text",
    ["", "+1", "-1", " 1", "1 ", "1_0", "010", "00", "0x", "0xg", "0x1_0", "1.0", "a", "0b1"],
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(AddressError, match=r"is not a number: expected a number from 0 to 99"):
        read_number(text, "size", 99)


def test_digits_outside_ascii_are_no_number() -> None:
    with pytest.raises(AddressError, match=r"is not a number"):
        read_number("\N{ARABIC-INDIC DIGIT THREE}", "size", 99)


@pytest.mark.parametrize("text", ["100", "0x64"])
def test_a_number_over_the_limit_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"size 100 is out of range: .* 0 to 99"):
        read_number(text, "size", 99)


def test_a_number_of_a_million_digits_is_refused_unread() -> None:
    with pytest.raises(AddressError, match=r"has too many digits"):
        read_number("9" * 1_000_000, "size", 99)


@pytest.mark.parametrize("value", [-1, 100, True, "5", 1.0, None])
def test_only_a_whole_number_in_range_is_taken(value: object) -> None:
    with pytest.raises(AddressError, match=r"size .* is out of range"):
        check_number(value, "size", 99)


def test_a_code_is_a_name_or_a_number() -> None:
    names = {"route": 0, "generic": 16}

    assert read_code("generic", "protocol", names, 31) == 16
    assert read_code("16", "protocol", names, 31) == 16
    assert write_code(16, names) == "generic"
    assert write_code(17, names) == "17"


def test_an_unknown_name_of_a_code_gets_a_suggestion() -> None:
    with pytest.raises(AddressError, match=r"expected route or a number; did you mean 'route'\?"):
        read_code("rout", "protocol", {"route": 0}, 31)


def test_an_unknown_word_gets_a_suggestion() -> None:
    assert check_word("tcp", "scheme", ["tcp", "udp"]) == "tcp"
    with pytest.raises(AddressError, match=r"'tpc' is unknown: expected tcp or udp; did you mean"):
        check_word("tpc", "scheme", ["tcp", "udp"])


def test_an_endless_word_gets_no_suggestion() -> None:
    assert not did_you_mean("tcp" * 1_000_000, ["tcp"])


def test_a_query_is_cut_off_and_read() -> None:
    assert split_query("eth0?a=1&b=", ["a", "b"]) == ("eth0", {"a": "1", "b": ""})
    assert split_query("eth0", ["a"]) == ("eth0", {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x?a=1&a=2", "'a' is repeated"),
        ("x?a", "'a' has no value: expected a="),
        ("x?", "'' is unknown: expected a or bed"),
        ("x?ded=1", "did you mean 'bed'"),
        ("x?a=1&", "'' is unknown"),
    ],
)
def test_a_query_with_a_mistake_is_refused(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        split_query(text, ["a", "bed"])


def test_a_query_where_none_is_meant_is_refused() -> None:
    with pytest.raises(AddressError, match=r"expected none; write . in a name as %3F"):
        split_query("x?a=1")


def test_a_query_is_written_in_the_order_of_its_keys_without_what_is_missing() -> None:
    assert join_query(b="2", a="1", c=None) == "?a=1&b=2"
    assert not join_query(a=None)


def test_slashes_are_asked_for_with_an_example() -> None:
    assert after_slashes("tcp", "//h:1", "tcp://h:1") == "h:1"
    with pytest.raises(AddressError, match=r"tcp: is not followed by //: expected tcp://h:1"):
        after_slashes("tcp", "h:1", "tcp://h:1")


def test_a_listing_reads_as_a_sentence() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b or c"


def test_digits_are_those_of_ascii() -> None:
    assert is_number("0123")
    assert is_hexadecimal("09afAF")
    assert not is_number("")
    assert not is_number("\N{SUPERSCRIPT TWO}")
    assert not is_hexadecimal("")
    assert not is_hexadecimal("g")
