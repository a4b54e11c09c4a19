"""Network addresses: which are allowed, and how one is shown without its password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from unmask.engines.errors import UsageError
from unmask.engines.plain_text import plain

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

#: What FFmpeg has room for, and what is shown of an address that is refused.
_LONGEST, _SHOWN = 4000, 200


def scheme_of(address: str) -> str:
    """The lower-case scheme of ``scheme://...``; empty where there is none."""
    head, mark, _ = address.partition("://")
    return head.lower() if mark else ""


def check_address(address: str) -> str:
    """The scheme of an address that may be opened; ``UsageError`` for any other."""
    scheme, shown = scheme_of(address), plain(redacted(address), _SHOWN)
    if scheme not in PROTOCOLS:
        raise UsageError(
            f"{shown} is not an address that can be watched; it must start with one of "
            f"{', '.join(f'{name}://' for name in PROTOCOLS)} (a file is given by its path)."
        )
    if not address.isprintable() or len(address) > _LONGEST:
        raise UsageError(f"{shown} is too long for an address or holds what none may hold; check it.")
    try:
        parts = urlsplit(address)
        port = parts.port  # raises where it is no number of a port
        named = bool(parts.hostname) or port is not None
    except ValueError:
        named = False
    if not named:
        raise UsageError(f"{shown} names no host; write it as {scheme}://host:port/path.")
    return scheme


#: Many network cameras want the password in the address's path or query instead.
_SECRET = re.compile(r"(?i)((?:^|[/?&;_])(?:password|passwd|passphrase|pwd|pass|token|secret)=)[^&;/?#]+")
# The same within a sentence: there an address ends where a blank or a quotation mark is.
_SECRET_WITHIN = re.compile(_SECRET.pattern.replace("[^&;/?#]+", r"[^&;/?#\s'\"]+"))
_LOGIN_WITHIN = re.compile(r"(?<=//)([^\s/:@'\"]*):[^\s/'\"]*@")


def redacted(address: str) -> str:
    """The address with the password, if any, as ``***``: fit for a window title or a log."""
    address = _SECRET.sub(r"\1***", address)
    try:
        parts = urlsplit(address)
        if parts.password is not None:
            host = parts.netloc.rpartition("@")[2]
            return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))
    except ValueError:  # no address, but what somebody typed for one may hold a password all the same
        pass
    return _LOGIN_WITHIN.sub(r"\1:***@", address)  # also behind "page:"


def without_passwords(text: str) -> str:
    """Any text with the passwords of the addresses in it as ``***``: libraries put the address into their errors."""
    return _SECRET_WITHIN.sub(r"\1***", _LOGIN_WITHIN.sub(r"\1:***@", text))
