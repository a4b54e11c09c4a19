"""A small strict server of the Open Inference Protocol for tests: it runs a real encoder, and lies when told to.

``lie`` gets every honest answer of ``ModelInfer`` and returns the one to send: a message, or raw bytes. It may
also sleep, raise ``Refusal``, or stop the server under its own feet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from unmask.engines import ort_cpu
from unmask.engines.options import EngineOptions
from unmask.engines.remote.protocol import DATATYPES, MESSAGES

Lie = Callable[[Any], Any]


class Refusal(Exception):
    """End the call with this status."""

    def __init__(self, code: grpc.StatusCode, details: str = "because") -> None:
        super().__init__(details)
        self.code = code


class KServeServer:
    """Serves one model on loopback. ``pad_logit`` describes and gives it as (N, 1), as Triton does.

    ``metadata`` may change the description of the model. Change the attributes while it runs.
    """

    def __init__(
        self,
        encoder: Path,
        *,
        model: str = "toy",
        version: str = "1",
        lie: Lie | None = None,
        metadata: Lie | None = None,
        pad_logit: bool = False,
        typed: bool = False,
        port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
        options: tuple[tuple[str, Any], ...] = (),
        compression: grpc.Compression = grpc.Compression.NoCompression,
    ) -> None:
        self.model, self.version = model, version
        self.live = self.ready = True
        self.lie, self.metadata = lie, metadata
        self.pad_logit, self.typed = pad_logit, typed
        self.batches: list[int] = []
        self.requests: list[Any] = []
        self._engine = ort_cpu.create(encoder, EngineOptions())
        self._engine.open()
        self._lock = threading.Lock()
        self._options, self._credentials, self._compression = options, credentials, compression
        self.port = port
        self._server: grpc.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """On the port it had before, if it had one."""
        options = (("grpc.so_reuseport", 0), *self._options)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(2, thread_name_prefix="kserve"), options=options, compression=self._compression
        )
        self._server.add_generic_rpc_handlers((self._handlers(),))
        target = f"127.0.0.1:{self.port}"
        if self._credentials is None:
            self.port = self._server.add_insecure_port(target)
        else:
            self.port = self._server.add_secure_port(target, self._credentials)
        self._server.start()

    def stop(self) -> None:
        """At once: calls that run are broken off."""
        if self._server is not None:
            self._server.stop(grace=None).wait(5)
            self._server = None

    def __enter__(self) -> KServeServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._engine.close()

    def _handlers(self) -> grpc.GenericRpcHandler:
        answers = {
            "ServerLive": lambda _: MESSAGES["ServerLiveResponse"](live=self.live),
            "ServerMetadata": lambda _: MESSAGES["ServerMetadataResponse"](name="kserve-test", version="1.0"),
            "ModelReady": lambda asked: MESSAGES["ModelReadyResponse"](ready=self.ready and asked.name == self.model),
            "ModelMetadata": self._describe,
            "ModelInfer": self._infer,
        }
        return grpc.method_handlers_generic_handler(
            "inference.GRPCInferenceService",
            {
                name: grpc.unary_unary_rpc_method_handler(
                    _guarded(answer), MESSAGES[f"{name}Request"].FromString, _as_bytes
                )
                for name, answer in answers.items()
            },
        )

    def _describe(self, asked: Any) -> Any:
        self._require(asked.name == self.model, grpc.StatusCode.NOT_FOUND, f"unknown model {asked.name}")
        tensors = {
            kind: [
                MESSAGES["TensorMetadata"](name=spec.name, datatype=DATATYPES[spec.dtype], shape=self._axes(spec))
                for spec in specs
            ]
            for kind, specs in (("inputs", self._engine.inputs), ("outputs", self._engine.outputs))
        }
        reply = MESSAGES["ModelMetadataResponse"](name=self.model, versions=[self.version], platform="test", **tensors)
        return self.metadata(reply) if self.metadata else reply

    def _axes(self, spec: Any) -> list[int]:
        axes = [-1 if axis is None else axis for axis in spec.shape]
        return [*axes, 1] if self.pad_logit and spec.name == "logit" else axes

    def _infer(self, asked: Any) -> Any:
        bad = grpc.StatusCode.INVALID_ARGUMENT
        self._require(asked.model_name == self.model, grpc.StatusCode.NOT_FOUND, f"unknown model {asked.model_name}")
        self._require(len(asked.inputs) == 1 == len(asked.raw_input_contents), bad, "one input, raw")
        (tensor,), (raw,), (spec,) = asked.inputs, asked.raw_input_contents, self._engine.inputs
        self._require((tensor.name, tensor.datatype) == (spec.name, "UINT8"), bad, "crops of UINT8")
        self._require(list(tensor.shape[1:]) == list(spec.shape[1:]), bad, f"a shape of {tensor.shape}")
        self._require(len(raw) == int(np.prod(tensor.shape)), bad, f"{len(raw)} bytes")
        self._require(bool(asked.id), bad, "no id")
        with self._lock:
            self.requests.append(asked)
            self.batches.append(tensor.shape[0])
            results = self._engine.infer({spec.name: np.frombuffer(raw, np.uint8).reshape(tensor.shape)})
        wanted = [output.name for output in asked.outputs] or list(results)
        reply = MESSAGES["ModelInferResponse"](model_name=self.model, model_version=self.version, id=asked.id)
        for name in wanted:
            array = results[name]
            shape = (*array.shape, 1) if self.pad_logit and name == "logit" else array.shape
            added = reply.outputs.add(name=name, datatype="FP32", shape=shape)
            if self.typed:
                added.contents.fp32_contents.extend(array.ravel().tolist())
            else:
                reply.raw_output_contents.append(array.tobytes())
        return self.lie(reply) if self.lie else reply

    @staticmethod
    def _require(met: bool, code: grpc.StatusCode, details: str) -> None:
        if not met:
            raise Refusal(code, details)


def _guarded(answer: Callable[[Any], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def call(asked: Any, context: grpc.ServicerContext) -> Any:
        try:
            return answer(asked)
        except Refusal as refusal:
            context.abort(refusal.code, str(refusal))

    return call


def _as_bytes(reply: Any) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()
