from __future__ import annotations

import pytest

from unmask.engines.errors import UsageError
from unmask.engines.remote.address import parse_address


@pytest.mark.parametrize(
    ("text", "target", "secure", "exposed"),
    [
        ("localhost:8001", "dns:///localhost:8001", False, False),
        ("127.0.0.1:8001", "dns:///127.0.0.1:8001", False, False),
        ("grpc://triton.lan:8001", "dns:///triton.lan:8001", False, True),
        ("grpcs://triton.example.org:443", "dns:///triton.example.org:443", True, False),
        ("[::1]:8001", "ipv6:[::1]:8001", False, False),
        ("10.0.0.7:1", "dns:///10.0.0.7:1", False, True),
    ],
)
def test_addresses(text: str, target: str, secure: bool, exposed: bool) -> None:
    address = parse_address(text)
    assert (address.target, address.secure, address.exposed) == (target, secure, exposed)
    assert text.endswith(str(address))


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "localhost:", ":8001", "localhost:0", "localhost:65536", "localhost:http", " localhost:1",
     "localhost:1\n", "http://localhost:8000", "https://localhost:1", "unix:/tmp/socket", "dns:///x:1", "x:1/v2",
     "user@host:1", "a..b:1", "-a:1", "[zz]:1", "[127.0.0.1]:1", "::1:8001", "h" * 5000 + ":1"],
)  # fmt: skip
def test_anything_else_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="is no address: give HOST:PORT") as caught:
        parse_address(text)
    assert len(str(caught.value)) < 220
    assert "\n" not in str(caught.value)
