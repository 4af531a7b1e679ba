"""Who is at the other end of a Unix socket."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass

__all__ = ["PeerCredentials", "peer_credentials"]


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """The process that connected, as the kernel noted it then.

    Attributes:
        pid: Its process number, or None where the platform does not tell.
        uid: Its user number.
        gid: Its group number.
    """

    pid: int | None
    uid: int
    gid: int


def peer_credentials(sock: socket.socket) -> PeerCredentials:
    """Ask the kernel who connected to, or listens behind, a Unix stream socket.

    Source: unix(7), SO_PEERCRED (Linux); unix(4), LOCAL_PEERCRED and LOCAL_PEERPID (macOS,
    FreeBSD).

    Raises:
        OSError: If it is not a Unix socket, is not connected, or the platform cannot tell.
    """
    unix = getattr(socket, "AF_UNIX", None)
    if unix is None or sock.family != unix:
        raise OSError(errno.EOPNOTSUPP, "only a Unix socket knows its peer's credentials")
    if sys.platform == "linux":
        layout = struct.Struct("iII")  # struct ucred
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size)
        credentials = PeerCredentials(*layout.unpack(raw))
        if credentials.uid == _NOBODY_YET:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return credentials
    return _bsd_credentials(sock)


# What Linux fills in for a socket without a peer: (uid_t) -1.
_NOBODY_YET = 0xFFFFFFFF

# sys/un.h on macOS and FreeBSD; Python does not name them everywhere.
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1
_LOCAL_PEERPID = 2
_GROUPS = 16


def _bsd_credentials(sock: socket.socket) -> PeerCredentials:
    # struct xucred: version, uid, number of groups, the groups; the first is the effective.
    layout = struct.Struct(f"IIh{_GROUPS}I")
    raw = sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, layout.size)
    _, uid, _, gid, *_ = layout.unpack(raw)
    pid = None
    if sys.platform == "darwin":
        pid = sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    return PeerCredentials(pid, uid, gid)
