"""Fixed-size framing: every message has the same number of bytes.

+-----------+-----------+-----------+
|  n bytes  |  n bytes  |  n bytes  |
+-----------+-----------+-----------+
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portside.errors import UnsendablePayload
from portside.wire.framing import Framing, not_bytes

if TYPE_CHECKING:
    from portside.wire.buffer import ReceiveBuffer

__all__ = ["FixedSize"]


@dataclass(frozen=True, slots=True)
class FixedSize(Framing[bytes]):
    """Messages of one size.

    Attributes:
        size: Bytes in every message, at least 1.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a message has at least 1 byte, not {self.size}")

    def encode(self, message: bytes) -> bytes:
        """Return ``message`` as it is.

        Raises:
            UnsendablePayload: If it has another size.
            TypeError: If it is text.
        """
        if isinstance(message, str):
            raise not_bytes(message)
        if len(message) != self.size:
            raise UnsendablePayload(f"a message has {self.size} bytes here, not {len(message)}")
        return message

    def decode(self, buffer: ReceiveBuffer) -> bytes | None:
        """Take one message, or None until all of it has arrived."""
        return buffer.take(self.size)

    def decode_many(self, buffer: ReceiveBuffer) -> list[bytes]:
        """Take every message that is whole."""
        whole = len(buffer) - len(buffer) % self.size
        block = buffer.take_up_to(whole)
        return [block[start : start + self.size] for start in range(0, whole, self.size)]
