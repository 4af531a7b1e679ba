"""Sockets without footguns: streams, framing and servers, blocking and async.

This is the blocking door; ``portside.aio`` has the same names to be awaited.

    from portside import connect, serve, Lines          # blocks
    from portside.aio import connect, serve, Lines      # awaits

What both share has doors of its own: ``portside.wire`` (framings, usable without I/O),
``portside.errors``, ``portside.addresses`` and ``portside.bind``.
"""

from portside.addresses import Address
from portside.errors import (
    AddressError,
    BindError,
    ConnectError,
    ConnectTimeout,
    EndOfStream,
    FrameTooLarge,
    HandshakeFailed,
    IncompleteRead,
    PortsideError,
    ProtocolError,
    StreamBusy,
    StreamClosed,
    TruncatedStream,
    UnsendablePayload,
)
from portside.plans.connecting import Attempt
from portside.plans.serving import ServerStats
from portside.sync.connect import connect
from portside.sync.framed import FramedStream
from portside.sync.io import Stream, stream_pair
from portside.sync.listen import Listener, listen
from portside.sync.server import Server, serve
from portside.system.credentials import PeerCredentials
from portside.system.options import KeepAlive
from portside.system.tls import client_context, server_context
from portside.wire import (
    Cobs,
    Delimited,
    FixedSize,
    Framing,
    LengthPrefix,
    Lines,
    Netstring,
    Slip,
    Varint,
)
from portside.wire.tls_info import TLSInfo

__version__ = "0.1.0"

__all__ = [
    "Address",
    "AddressError",
    "Attempt",
    "BindError",
    "Cobs",
    "ConnectError",
    "ConnectTimeout",
    "Delimited",
    "EndOfStream",
    "FixedSize",
    "FrameTooLarge",
    "FramedStream",
    "Framing",
    "HandshakeFailed",
    "IncompleteRead",
    "KeepAlive",
    "LengthPrefix",
    "Lines",
    "Listener",
    "Netstring",
    "PeerCredentials",
    "PortsideError",
    "ProtocolError",
    "Server",
    "ServerStats",
    "Slip",
    "Stream",
    "StreamBusy",
    "StreamClosed",
    "TLSInfo",
    "TruncatedStream",
    "UnsendablePayload",
    "Varint",
    "client_context",
    "connect",
    "listen",
    "serve",
    "server_context",
    "stream_pair",
]
