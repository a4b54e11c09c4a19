"""A toy encoder, servers for it, and engines that are closed again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from kserve_server import KServeServer
from toy_package import build_toy_package

from unmask.engines.errors import EngineError
from unmask.engines.options import EngineOptions
from unmask.engines.remote.engine import RemoteEngine

SIZE = 64


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toy_package(tmp_path_factory.mktemp("remote") / "toy", size=SIZE) / "encoder.onnx"


@pytest.fixture
def server(encoder: Path) -> Iterator[KServeServer]:
    with KServeServer(encoder) as running:
        yield running


@pytest.fixture
def engine_for(encoder: Path) -> Iterator[Callable[..., RemoteEngine]]:
    """Makes engines, not opened, for a server or an address; closes them after the test."""
    made: list[RemoteEngine] = []

    def make(server: KServeServer | str, **options: object) -> RemoteEngine:
        address = server if isinstance(server, str) else server.address
        made.append(RemoteEngine(encoder, EngineOptions(server=address, **options)))  # pyright: ignore[reportArgumentType]
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def crops() -> Callable[[int], np.ndarray]:
    return lambda count: np.random.default_rng(7).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def until_it_works(crops: Callable[[int], np.ndarray]) -> Callable[[RemoteEngine], dict[str, np.ndarray]]:
    """Ask until there is an answer, as a monitor does; fails after a while."""

    def ask(engine: RemoteEngine) -> dict[str, np.ndarray]:
        deadline = time.monotonic() + 20
        while True:
            try:
                return engine.infer({"crops": crops(1)})
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    return ask
