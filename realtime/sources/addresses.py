"""Network addresses: which are allowed, and how one is shown without its password."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from unmask.engines.errors import UsageError

_HTTP = "http,https,tcp,tls,httpproxy,crypto"
_RTMP = "rtmp,rtmps,rtmpt,rtmpts,tcp,tls,http,https"

#: Scheme -> the protocols FFmpeg may use from there on. None of them reads a local file, so a
#: playlist or a redirect cannot turn an address into a way to this machine's disk.
PROTOCOLS = {
    "rtsp": "rtsp,rtp,rtcp,udp,tcp,tls,srtp",
    "rtsps": "rtsps,rtsp,rtp,rtcp,udp,tcp,tls,srtp",
    "http": _HTTP,
    "https": _HTTP,
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt",
    "rtmp": _RTMP,
    "rtmps": _RTMP,
}


def scheme_of(address: str) -> str:
    """The lower-case scheme of ``scheme://...``; empty where there is none."""
    head, mark, _ = address.partition("://")
    return head.lower() if mark else ""


def check_address(address: str) -> str:
    """The scheme of an address that may be opened; ``UsageError`` for any other."""
    scheme = scheme_of(address)
    if scheme not in PROTOCOLS:
        raise UsageError(
            f"{redacted(address)} is not an address that can be watched; it must start with one of "
            f"{', '.join(f'{name}://' for name in PROTOCOLS)} (a file is given by its path)."
        )
    parts = urlsplit(address)
    try:
        named = bool(parts.hostname) or parts.port is not None
    except ValueError:
        named = False
    if not named:
        raise UsageError(f"{redacted(address)} names no host; write it as {scheme}://host:port/path.")
    return scheme


def redacted(address: str) -> str:
    """The address with the password, if any, as ``***``: fit for a window title or a log."""
    try:
        parts = urlsplit(address)
        if parts.password is None:
            return address
    except ValueError:
        return address
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))
