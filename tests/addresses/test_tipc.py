from __future__ import annotations

import pickle
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portside.addresses import (
    Address,
    TipcAddress,
    TipcIdAddress,
    TipcNameAddress,
    TipcRangeAddress,
)
from portside.errors import AddressError

needs_tipc = pytest.mark.skipif(
    not hasattr(socket, "AF_TIPC"), reason="this Python lacks socket.AF_TIPC"
)

NUMBERS = st.integers(0, 2**32 - 1)
SCOPES = st.integers(0, 127) | st.integers(0, 3)
KINDS = st.sampled_from(["stream", "dgram", "rdm", "seqpacket"])
TIPC = (
    st.builds(TipcNameAddress, NUMBERS, NUMBERS, scope=SCOPES, kind_name=KINDS)
    | st.builds(TipcIdAddress, NUMBERS, NUMBERS, scope=SCOPES, kind_name=KINDS)
    | st.builds(
        lambda service, first, second, scope, kind_name: TipcRangeAddress(
            service, min(first, second), max(first, second), scope=scope, kind_name=kind_name
        ),
        NUMBERS,
        NUMBERS,
        NUMBERS,
        SCOPES,
        KINDS,
    )
)


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        (
            "tipc:name/18888:17?scope=cluster",
            TipcNameAddress(18888, 17),
            "tipc:name/18888:17",
        ),
        (
            "tipc:name/0x49c8:17?scope=node&kind=rdm",
            TipcNameAddress(18888, 17, scope=3, kind_name="rdm"),
            "tipc:name/18888:17?kind=rdm&scope=node",
        ),
        ("tipc:nameseq/18888:0-9", TipcRangeAddress(18888, 0, 9), "tipc:nameseq/18888:0-9"),
        (
            "tipc:id/16781313:1234567?scope=0",
            TipcIdAddress(16781313, 1234567, scope=0),
            "tipc:id/16781313:1234567?scope=0",
        ),
        ("tipc:id/1:2?scope=1", TipcIdAddress(1, 2, scope=1), "tipc:id/1:2?scope=zone"),
    ],
)
def test_a_text_is_read_and_printed_in_one_way(
    text: str, address: TipcAddress, canonical: str
) -> None:
    assert Address.parse(text) == address
    assert str(address) == canonical


@settings(deadline=None)
@given(address=TIPC)
def test_every_address_survives_its_own_text(address: TipcAddress) -> None:
    assert Address.parse(str(address)) == address
    assert pickle.loads(pickle.dumps(address)) == address


@needs_tipc
@settings(deadline=None)
@given(address=TIPC)
def test_every_sockaddr_comes_back(address: TipcAddress) -> None:
    assert Address.from_sockaddr(address.family, address.sockaddr(), address.kind) == address


@needs_tipc
def test_the_third_number_of_a_name_repeats_the_second() -> None:
    found = Address.from_sockaddr(socket.AF_TIPC, (2, 18888, 17, 17, 0))

    assert found == TipcNameAddress(18888, 17, scope=0)


@needs_tipc
def test_a_sockaddr_without_a_scope_is_for_the_cluster() -> None:
    assert Address.from_sockaddr(socket.AF_TIPC, (1, 18888, 0, 9)) == TipcRangeAddress(18888, 0, 9)


@needs_tipc
def test_the_forms_have_the_numbers_that_python_knows_them_by() -> None:
    assert TipcNameAddress(1, 2).sockaddr()[0] == socket.TIPC_ADDR_NAME
    assert TipcRangeAddress(1, 2, 3).sockaddr()[0] == socket.TIPC_ADDR_NAMESEQ
    assert TipcIdAddress(1, 2).sockaddr()[0] == socket.TIPC_ADDR_ID
    assert TipcIdAddress(1, 2).sockaddr()[4] == socket.TIPC_CLUSTER_SCOPE


@needs_tipc
@pytest.mark.parametrize("sockaddr", [None, (2, 1, 2), (4, 1, 2, 3), (1, 1, 9, 0), (2, -1, 0, 0)])
def test_any_other_sockaddr_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected"):
        Address.from_sockaddr(socket.AF_TIPC, sockaddr)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tipc:nmae/1:2", r"form 'nmae' is unknown: expected name, nameseq or id; did you mean"),
        ("tipc:name", "it has no colon: expected two numbers as in tipc:name/18888:17"),
        ("tipc:name/1:", "instance '' is not a number"),
        ("tipc:name/x:1", "service 'x' is not a number"),
        ("tipc:nameseq/1:2", "it has no range: expected one as in tipc:nameseq/18888:0-9"),
        ("tipc:nameseq/1:9-0", "instance 9 comes after 0"),
        ("tipc:id/4294967296:1", "node 4294967296 is out of range"),
        ("tipc:id/1:2?scope=custer", r"did you mean 'cluster'\?"),
        ("tipc:id/1:2?scope=128", "scope 128 is out of range"),
        ("tipc:id/1:2?kind=raw", "kind 'raw' is unknown"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        Address.parse(text)


def test_a_python_without_tipc_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_TIPC", raising=False)

    with pytest.raises(AddressError, match=r"without TIPC .socket.AF_TIPC is missing"):
        assert TipcIdAddress(1, 2).family


def test_the_kernel_takes_a_name_and_gives_an_id_back() -> None:
    wanted = Address.parse("tipc:name/18888:17?kind=rdm")
    try:
        opened = socket.socket(wanted.family, wanted.kind)
    except (AddressError, OSError) as error:
        pytest.skip(f"this system has no AF_TIPC: {error}")
    with closing(opened):
        opened.bind(wanted.sockaddr())
        found = wanted.with_sockaddr(opened.family, opened.getsockname())

    assert isinstance(found, TipcIdAddress)
