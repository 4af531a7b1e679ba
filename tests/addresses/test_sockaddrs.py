from __future__ import annotations

import pytest

from portside.addresses.sockaddrs import fields
from portside.errors import AddressError


@pytest.mark.parametrize("sockaddr", [("h", 1), ("h", 1, 2)])
def test_a_tuple_of_the_right_shape_is_returned(sockaddr: tuple[object, ...]) -> None:
    assert fields(sockaddr, "(host, port, extra)", str, int, int, least=2) == sockaddr


@pytest.mark.parametrize(
    "sockaddr", [None, "h", b"h", 1, ["h", 1], (), ("h",), ("h", "1"), (1, 1), ("h", 1, 2, 3)]
)
def test_any_other_shape_is_refused(sockaddr: object) -> None:
    with pytest.raises(AddressError, match=r"expected \(host, port, extra\)") as caught:
        fields(sockaddr, "(host, port, extra)", str, int, int, least=2)

    assert caught.value.text == repr(sockaddr)


def test_without_a_least_all_items_are_needed() -> None:
    with pytest.raises(AddressError):
        fields(("h",), "(host, port)", str, int)
