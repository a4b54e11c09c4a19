"""Where a server is: ``host:port``, ``grpc://host:port`` or, encrypted, ``grpcs://host:port``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from unmask.engines.errors import UsageError

_FORM = re.compile(
    r"(?:(?P<scheme>grpcs?)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):(?P<port>\d{1,5})"
)
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. ``host`` has its brackets where it is an IPv6 address."""

    host: str
    port: int
    secure: bool

    @property
    def target(self) -> str:
        """What gRPC is given. With its scheme, so that no host name can be read as another kind of address."""
        return f"{'ipv6' if self.host.startswith('[') else 'dns'}:{'' if self.host.startswith('[') else '///'}{self}"

    @property
    def exposed(self) -> bool:
        """Whether the crops cross a network in the clear."""
        return not self.secure and not _is_loopback(self.host.strip("[]"))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that ``text`` stands for. Raises ``UsageError`` for anything but the forms above."""
    found = _FORM.fullmatch(text)
    if found and 0 < int(found["port"]) < 65536 and _host_is_possible(found["host"]):
        return Address(found["host"], int(found["port"]), found["scheme"] == "grpcs")
    raise UsageError(
        f"The server {text[:_SHOWN]!r} is no address: give HOST:PORT of its gRPC port, or grpcs://HOST:PORT for TLS."
    )


def _host_is_possible(host: str) -> bool:
    if not host.startswith("["):
        return ".." not in host and not host.endswith("-")
    try:
        return ipaddress.ip_address(host[1:-1]).version == 6
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
