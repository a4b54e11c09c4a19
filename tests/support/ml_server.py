"""A real MLServer in a process of its own, from the environment that ``scripts/server_environment.sh`` makes."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from unmask.engines.remote.protocol import MESSAGES, SERVICE

ROOT = Path(__file__).resolve().parents[2]
# Read here: a test itself runs without the person's UNMASK_* settings.
PYTHON = Path(os.environ.get("UNMASK_MLSERVER_PYTHON") or ROOT / ".venv-server" / "bin" / "python")


def server_python() -> Path:
    """The interpreter that has MLServer (and ``tritonclient``); the test is skipped where there is none."""
    if not PYTHON.exists():
        pytest.skip(f"needs MLServer in {PYTHON.parent.parent.name}: bash scripts/server_environment.sh")
    return PYTHON


class MlServer:
    """Serves a model repository on loopback. ``kill`` ends it as a power cut would; ``start`` again is allowed."""

    def __init__(self, repository: Path, log: Path) -> None:
        self._python = server_python()
        self._repository, self._log = repository, log
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._http, self._metrics = _free_ports(3)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        settings = {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_GRPC_PORT": str(self.port),
            "MLSERVER_HTTP_PORT": str(self._http),
            "MLSERVER_METRICS_PORT": str(self._metrics),
            "MLSERVER_PARALLEL_WORKERS": "0",  # all in one process: one to kill
        }
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._python, "-c", "from mlserver.cli import main; main()", "start", "."],
                cwd=self._repository,
                env={**environment, **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self, model: str, limit_s: float = 60.0) -> None:
        deadline = time.monotonic() + limit_s
        while not self._is_ready(model):
            assert self._process is not None
            assert self._process.poll() is None, f"MLServer ended:\n{self._log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"MLServer is not ready:\n{self._log.read_text()[-2000:]}"
            time.sleep(0.1)

    def _is_ready(self, model: str) -> bool:
        import grpc  # not in every environment whose tests only want to know where MLServer is

        with grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            ask = channel.unary_unary(SERVICE + "ModelReady")
            try:
                raw = ask(MESSAGES["ModelReadyRequest"](name=model).SerializeToString(), timeout=1.0)
            except grpc.RpcError:
                return False
            return MESSAGES["ModelReadyResponse"].FromString(raw).ready

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> MlServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now. Held open together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
