"""The async door: the names of ``portside``, to be awaited.

It runs on asyncio: on its own loops and on uvloop, and also on a loop without
``add_reader``, such as the Proactor loop of Windows.
"""

from portside.addresses import Address
from portside.aio.connect import connect
from portside.aio.framed import FramedStream
from portside.aio.io import Stream, stream_pair
from portside.aio.listen import Listener, listen
from portside.aio.server import Server, serve
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
