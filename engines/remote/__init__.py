"""An encoder that runs on another machine, asked for over the Open Inference Protocol (KServe v2) on gRPC.

Triton, KServe, OpenVINO Model Server and MLServer all speak it. ``grpcio`` is used with messages of our own
(``protocol.py``) in place of ``tritonclient``: that one, at 2.73, refuses protobuf 7 and ml-dtypes 0.6, which
the core's ONNX brings, and takes 0.7 s to import where grpcio takes 0.15.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.options import EngineOptions


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for the encoder ``model``, not yet opened: the file stays here, a server runs the same model.

    Raises ``UsageError`` for a missing or malformed ``options.server`` and for options that a server decides.
    """
    from unmask.engines.remote.engine import RemoteEngine

    return RemoteEngine(model, options)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when it can. Asks no server."""
    if importlib.util.find_spec("grpc") is None:
        return "grpcio is not installed; run `pip install unmask[remote]`"
    return None
