from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import Address, AlgAddress
from portside.errors import AddressError


def words(longest: int) -> st.SearchStrategy[str]:
    return (
        st.binary(min_size=1, max_size=longest)
        .filter(lambda word: 0 not in word)
        .map(lambda word: word.decode("utf-8", "surrogateescape"))
    )


SHORTS = st.integers(0, 0xFFFF)
ALG = st.builds(AlgAddress, words(13), words(63), SHORTS, SHORTS)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("alg:hash/sha256", AlgAddress("hash", "sha256"), "alg:hash/sha256"),
        ("alg:skcipher/cbc(aes)", AlgAddress("skcipher", "cbc(aes)"), "alg:skcipher/cbc(aes)"),
        (
            "alg:aead/authenc(hmac(sha256),cbc(aes))",
            AlgAddress("aead", "authenc(hmac(sha256),cbc(aes))"),
            "alg:aead/authenc(hmac(sha256),cbc(aes))",
        ),
        (
            "alg:aead/gcm(aes)?mask=2&feat=1",
            AlgAddress("aead", "gcm(aes)", 1, 2),
            "alg:aead/gcm(aes)?feat=0x1&mask=0x2",
        ),
        ("alg:a%2Fb/c/d", AlgAddress("a/b", "c/d"), "alg:a%2Fb/c/d"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: AlgAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=ALG)
def test_every_address_survives_its_own_text(address: AlgAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.skipif(not hasattr(socket, "AF_ALG"), reason="this Python lacks socket.AF_ALG")
@settings(deadline=None)
@given(address=ALG)
def test_every_sockaddr_comes_back(address: AlgAddress) -> None:
    assert Address.from_sockaddr(address.family, address.sockaddr(), address.kind) == address


def test_features_are_told_only_if_there_are_any() -> None:
    assert AlgAddress("hash", "sha256").sockaddr() == ("hash", "sha256")
    assert AlgAddress("hash", "sha256", 0, 2).sockaddr() == ("hash", "sha256", 0, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("alg:hash", "it has no slash after the type: expected alg:hash/sha256"),
        ("alg:/sha256", "type '' cannot be: expected 1 to 13 bytes, as in alg:hash/sha256"),
        ("alg:hash/", "name '' cannot be: expected 1 to 63 bytes"),
        (f"alg:{'a' * 14}/x", "type 'a+' cannot be"),
        (f"alg:hash/{'a' * 64}", "name 'a+' cannot be"),
        ("alg:hash/a%00", "cannot be"),
        ("alg:hash/sha256?feat=65536", "feat 65536 is out of range"),
        ("alg:hash/sha256?maks=1", r"did you mean 'mask'\?"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_python_without_the_kernels_cryptography_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(socket, "AF_ALG", raising=False)

    with pytest.raises(AddressError, match=r"cryptography .socket.AF_ALG is missing"):
        assert AlgAddress("hash", "sha256").family
    assert AlgAddress("hash", "sha256").kind is socket.SOCK_SEQPACKET


def test_the_kernel_takes_the_address() -> None:
    address = Address.parse("alg:hash/sha256")
    try:
        opened = socket.socket(address.family, address.kind, address.protocol)
    except (AddressError, OSError) as error:
        pytest.skip(f"this system has no AF_ALG: {error}")
    with closing(opened):
        opened.bind(address.sockaddr())
