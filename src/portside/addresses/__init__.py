"""Addresses of sockets, of every family: read, printed, compared, and never looked up.

    Address.parse("tcp://[::1]:80")  Address.of(("localhost", 80))  Address.from_sockaddr(…)

``Address`` says what all of them can do; each family has a class of its own.
"""

from __future__ import annotations

from portside.addresses.address import Address, Sockaddr, Target
from portside.addresses.alg import AlgAddress
from portside.addresses.bluetooth import L2capAddress, RfcommAddress, ScoAddress
from portside.addresses.can import CanAddress, CanIsotpAddress, CanJ1939Address
from portside.addresses.divert import DivertAddress
from portside.addresses.hci import HciAddress
from portside.addresses.hyperv import HypervAddress
from portside.addresses.inherited import InheritedAddress
from portside.addresses.internet import (
    HostAddress,
    Inet4Address,
    Inet6Address,
    InternetAddress,
    Transport,
)
from portside.addresses.kctl import KctlAddress
from portside.addresses.netlink import NetlinkAddress
from portside.addresses.packet import PacketAddress
from portside.addresses.qrtr import QrtrAddress
from portside.addresses.raw import RawAddress
from portside.addresses.rds import RdsAddress
from portside.addresses.tipc import (
    TipcAddress,
    TipcIdAddress,
    TipcNameAddress,
    TipcRangeAddress,
)
from portside.addresses.unix import UnixAddress
from portside.addresses.vsock import VsockAddress

__all__ = [
    "Address",
    "AlgAddress",
    "CanAddress",
    "CanIsotpAddress",
    "CanJ1939Address",
    "DivertAddress",
    "HciAddress",
    "HostAddress",
    "HypervAddress",
    "Inet4Address",
    "Inet6Address",
    "InheritedAddress",
    "InternetAddress",
    "KctlAddress",
    "L2capAddress",
    "NetlinkAddress",
    "PacketAddress",
    "QrtrAddress",
    "RawAddress",
    "RdsAddress",
    "RfcommAddress",
    "ScoAddress",
    "Sockaddr",
    "Target",
    "TipcAddress",
    "TipcIdAddress",
    "TipcNameAddress",
    "TipcRangeAddress",
    "Transport",
    "UnixAddress",
    "VsockAddress",
]
