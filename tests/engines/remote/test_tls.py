"""TLS: who trusts the server's certificate gets in, others do not, and nobody ends up in the clear instead."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from kserve_server import KServeServer

#: In a process of its own: gRPC reads the trusted roots once.
SCRIPT = """
import sys
from pathlib import Path
from unmask.engines.options import EngineOptions
from unmask.engines.remote import create

for address in sys.argv[2:]:
    engine = create(Path(sys.argv[1]), EngineOptions(server=address))
    try:
        engine.open()
        print(engine.provider)
    except Exception as error:
        print(type(error).__name__)
    engine.close()
"""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key and a certificate of 127.0.0.1 for itself, PEM."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return key, cert


def said(encoder: Path, *addresses: str, **settings: str) -> list[str]:
    """The provider, or the kind of error, for each address."""
    command = [sys.executable, "-c", SCRIPT, str(encoder), *addresses]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_tls(encoder: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), cert.read_bytes())])
    with KServeServer(encoder, credentials=credentials) as safe, KServeServer(encoder) as plain:
        addresses = [f"grpcs://{safe.address}", f"grpc://{safe.address}", f"grpcs://{plain.address}"]
        assert said(encoder, *addresses, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(cert)) == [
            f"remote kserve-test 1.0 at {safe.address} (model toy)",
            "EngineUnavailable",
            "EngineUnavailable",
        ]
        assert said(encoder, addresses[0]) == ["EngineUnavailable"]
