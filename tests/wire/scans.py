"""A buffer's content that counts what its searches look at."""

from __future__ import annotations

from typing import Any

from portside.wire import ReceiveBuffer


class CountedBytes(bytearray):
    """Bytes that count how many of them were searched."""

    looked_at = 0

    def find(self, *args: Any) -> int:
        return self._counted(super().find(*args), *args)

    def rfind(self, *args: Any) -> int:
        return self._counted(super().rfind(*args), *args)

    def count(self, *args: Any) -> int:
        return self._counted(super().count(*args), *args)

    def _counted(self, found: int, _: object, start: int = 0, end: int | None = None) -> int:
        # An upper bound: a search that succeeds looks at less.
        self.looked_at += max(0, (len(self) if end is None else end) - start)
        return found


def counted(buffer: ReceiveBuffer) -> CountedBytes:
    """Give ``buffer`` two bytes to begin with, in which searches are counted."""
    content = CountedBytes(b"xx")
    buffer.data = content
    return content


class CountingBuffer(ReceiveBuffer):
    """A buffer that counts how many bytes were copied to be looked at."""

    __slots__ = ("peeked",)

    def __init__(self) -> None:
        super().__init__()
        self.peeked = 0

    def peek_up_to(self, count: int) -> bytes:
        found = super().peek_up_to(count)
        self.peeked += len(found)
        return found
