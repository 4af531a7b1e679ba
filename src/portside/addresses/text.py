"""The pieces an address's text is made of: percent-encoding, queries, numbers, names.

A piece that cannot be read raises an AddressError about that piece, in a sentence that
names it; ``Address.parse`` puts the whole text in front of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portside.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "after_slashes",
    "check_number",
    "check_word",
    "decode",
    "did_you_mean",
    "encode",
    "is_hexadecimal",
    "is_number",
    "join_query",
    "listing",
    "quote",
    "quote_name",
    "read_code",
    "read_number",
    "split_query",
    "unquote",
    "write_code",
]

_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")

_LONGEST_NUMBER = 20
"""Characters: the digits of 2**64.  int() of a longer text costs quadratic time."""

_LONGEST_GUESS = 32
"""Characters in a word worth a suggestion; difflib is quadratic, and no name of ours is longer."""


def encode(text: str) -> bytes:
    """Return the bytes a text stands for; surrogates are bytes that are not UTF-8 (PEP 383).

    Raises:
        AddressError: If it holds a surrogate that stands for no byte.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise AddressError(text, f"{text!r} holds half a character (a lone surrogate)") from None


def decode(data: bytes) -> str:
    """Return the text that stands for these bytes; the inverse of ``encode``."""
    return data.decode("utf-8", "surrogateescape")


def quote(text: str, special: str = "") -> str:
    """Percent-encode what would be misread or unseen (RFC 3986, section 2.1).

    That is space, ``%``, ``?``, ``#``, whatever is not printable, and ``special``.
    """
    reserved = " %?#" + special
    return "".join(
        char if char.isprintable() and char not in reserved else _percent(char) for char in text
    )


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in encode(char))


def unquote(text: str) -> str:
    """Undo ``quote``; bytes that are not UTF-8 come out as surrogates.

    Raises:
        AddressError: If a ``%`` is not followed by two hexadecimal digits.
    """
    plain, *rest = text.split("%")
    data = bytearray(encode(plain))
    for piece in rest:
        digits = piece[:2]
        if len(digits) < len("2F") or not is_hexadecimal(digits):
            reason = (
                f"'%{digits}' is not an encoded byte: expected two hexadecimal digits, "
                "such as %2F; write % itself as %25"
            )
            raise AddressError(text, reason)
        data.append(int(digits, 16))
        data += encode(piece[2:])
    return decode(bytes(data))


def quote_name(name: str, special: str = "") -> str:
    """Quote a name that stands where a number could: ``3`` becomes ``%33``."""
    if is_number(name):
        return _percent(name[0]) + name[1:]
    return quote(name, special)


def is_number(text: str) -> bool:
    """Whether a text is made of ASCII digits, at least one."""
    return text.isascii() and text.isdigit()


def is_hexadecimal(text: str) -> bool:
    """Whether a text is made of hexadecimal digits, at least one."""
    return bool(text) and _HEXADECIMAL.issuperset(text)


def read_number(text: str, what: str, most: int) -> int:
    """Read a number from 0 to ``most``, in decimal, or in hexadecimal behind ``0x``.

    Raises:
        AddressError: If it is none; signs, spaces, underscores, leading zeros and digits
            outside ASCII make it none.
    """
    if len(text) > _LONGEST_NUMBER:
        raise AddressError(text, f"{what} {text!r} has too many digits: {_expected(most)}")
    if text[:2] in {"0x", "0X"} and is_hexadecimal(text[2:]):
        return check_number(int(text, 16), what, most)
    if not is_number(text) or (text[0] == "0" and text != "0"):
        raise AddressError(text, f"{what} {text!r} is not a number: {_expected(most)}")
    return check_number(int(text), what, most)


def check_number(value: object, what: str, most: int) -> int:
    """Return ``value`` if it is a whole number from 0 to ``most``.

    Raises:
        AddressError: If it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise AddressError(str(value), f"{what} {value!r} is out of range: {_expected(most)}")
    return value


def _expected(most: int) -> str:
    return f"expected a number from 0 to {most}, such as 17 or 0x11"


def check_word(word: str, what: str, words: Collection[str]) -> str:
    """Return ``word`` if it is one of ``words``.

    Raises:
        AddressError: If it is not; the nearest one is suggested.
    """
    if word in words:
        return word
    guess = did_you_mean(word, words)
    raise AddressError(word, f"{what} {word!r} is unknown: expected {listing(words)}{guess}")


def read_code(text: str, what: str, names: Mapping[str, int], most: int) -> int:
    """Read a number from 0 to ``most`` that may also be written as one of ``names``.

    Raises:
        AddressError: If it is neither; the nearest name is suggested.
    """
    if text in names:
        return names[text]
    if text[:1].isdigit():
        return read_number(text, what, most)
    known = listing([*names, "a number"])
    guess = did_you_mean(text, names)
    raise AddressError(text, f"{what} {text!r} is unknown: expected {known}{guess}")


def write_code(value: int, names: Mapping[str, int]) -> str:
    """Return the name of a number where it has one, or else its digits."""
    return next((name for name, code in names.items() if code == value), str(value))


def split_query(text: str, keys: Collection[str] = ()) -> tuple[str, dict[str, str]]:
    """Take ``?key=value&key=value`` off the end of a text.

    Args:
        text: What stands behind the scheme.
        keys: The keys that may occur, once each.

    Returns:
        What stands before the question mark, and the values by their keys.

    Raises:
        AddressError: If a key is unknown, repeated or without a value, or if there is a
            query where none can be.
    """
    body, mark, query = text.partition("?")
    if mark and not keys:
        reason = (
            f"a query such as {mark + query!r} is too much: expected none; write ? in a name as %3F"
        )
        raise AddressError(text, reason)
    values: dict[str, str] = {}
    for pair in query.split("&") if mark else []:
        key, equals, value = pair.partition("=")
        check_word(key, "query key", keys)
        if key in values:
            raise AddressError(text, f"query key {key!r} is repeated: expected it once")
        if not equals:
            raise AddressError(text, f"query key {key!r} has no value: expected {key}=…")
        values[key] = value
    return body, values


def join_query(**values: str | None) -> str:
    """Return ``?key=value&key=value`` in the order of the keys, without those that are None."""
    pairs = [f"{key}={value}" for key, value in sorted(values.items()) if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


def after_slashes(scheme: str, rest: str, example: str) -> str:
    """Return what follows the ``//`` of a scheme that has one.

    Raises:
        AddressError: If there is no ``//``.
    """
    if not rest.startswith("//"):
        raise AddressError(rest, f"{scheme}: is not followed by //: expected {example}")
    return rest[2:]


def listing(words: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'tcp'?`` for a word that resembles one or two known ones."""
    if len(word) > _LONGEST_GUESS:
        return ""
    # difflib costs 2 ms to import, and only a mistake needs it.
    from difflib import get_close_matches

    matches = get_close_matches(word.lower(), list(known), n=2)
    return f"; did you mean {listing(map(repr, matches))}?" if matches else ""
