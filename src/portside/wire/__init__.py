r"""Bytes and frames, without any I/O.

A framing is a value that says how messages are marked off in a stream of bytes.  Streams
take one (``stream.framed(Lines())``), and so does a ``FrameReader``, for bytes that come
from anywhere else::

    >>> reader = FrameReader(Lines())
    >>> reader.feed(b"one\r\ntwo\nthr")
    >>> list(reader)
    [b'one', b'two']
    >>> reader.next_frame()
    <Signal.NEED_DATA: 'feed me what the next read returns'>
"""

from portside.wire.buffer import ReceiveBuffer
from portside.wire.cobs import Cobs
from portside.wire.delimited import Delimited
from portside.wire.fixed import FixedSize
from portside.wire.framing import Framing, Oversize
from portside.wire.length_prefix import LengthPrefix
from portside.wire.lines import Lines
from portside.wire.netstring import Netstring
from portside.wire.reader import END, NEED_DATA, FrameReader
from portside.wire.slip import Slip
from portside.wire.varint import Varint

__all__ = [
    "END",
    "NEED_DATA",
    "Cobs",
    "Delimited",
    "FixedSize",
    "FrameReader",
    "Framing",
    "LengthPrefix",
    "Lines",
    "Netstring",
    "Oversize",
    "ReceiveBuffer",
    "Slip",
    "Varint",
]
