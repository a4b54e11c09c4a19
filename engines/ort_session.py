"""What every engine on ONNX Runtime shares: reading the model, the session, and the proof of what runs it.

ONNX Runtime takes a provider that is absent, or even misspelt, and works on the processor without a word.
So the session is asked what it runs and, where it can tell, which provider carries out how many nodes.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unmask.engines import model_bytes
from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable, UsageError
from unmask.engines.model_bytes import read_model_bytes
from unmask.engines.options import EngineOptions, check_threads

CPU = "CPUExecutionProvider"

_DTYPES = {
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
}


class OrtEngine(Engine):
    """One ONNX model in ONNX Runtime. A child names its provider and says why that cannot run.

    ``threads`` is the number of threads inside one call on the processor. Idle threads sleep, they never
    spin. ``sha256`` is checked against the very bytes that the runtime is then given.
    External weight files are not read: the model is one file.
    """

    #: What ONNX Runtime calls the provider that must carry out the model.
    wanted: ClassVar[str] = CPU

    def __init__(self, model: Path, *, threads: int = 1, sha256: str | None = None) -> None:
        super().__init__()
        self._model = Path(model)
        self._threads = check_threads(threads)
        self._sha256 = sha256
        self._session: Any = None
        self._inputs: tuple[TensorSpec, ...] = ()
        self._outputs: tuple[TensorSpec, ...] = ()

    @classmethod
    def why_unavailable(cls) -> str | None:
        """Why this provider cannot run here; ``None`` when it can."""
        raise NotImplementedError

    def providers(self, raw: bytes) -> list[tuple[str, Mapping[str, str]]]:
        """The providers that the session is asked for, best first, and their options.

        ``raw`` is the model. Whatever comes behind the first only fills its gaps.
        """
        return [(self.wanted, {})]

    @property
    def asked(self) -> str:
        """What was asked for, in words: the provider, and the device where there are several."""
        return self.wanted

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._outputs

    @property
    def provider(self) -> str:
        """The provider, and how many of the nodes it runs where it does not run all of them."""
        if self._session is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        running = self._session.get_providers()[0]
        nodes = {} if self.wanted == CPU else nodes_by_provider(self._session) or {}
        elsewhere = sorted(name for name in nodes if name != running)
        if not elsewhere:
            return running
        return f"{running} ({nodes[running]} of {sum(nodes.values())} nodes, the others on {', '.join(elsewhere)})"

    @property
    def gains_by_batch(self) -> bool:
        """Not on the processor: one call on four crops took 2 % to 7 % less than four calls (docs/BENCHMARKS.md)."""
        return self.wanted != CPU

    def _open_impl(self) -> None:
        problem = self.why_unavailable()
        if problem:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {problem}.")
        import onnxruntime

        raw = read_model_bytes(self._model, self._sha256)
        providers = [(name, dict(settings)) for name, settings in self.providers(raw)]
        try:
            with quiet():
                # With the fallback, a provider that fails is replaced by the processor.
                self._session = onnxruntime.InferenceSession(
                    raw, self._options(), providers=providers, enable_fallback=0
                )
        except Exception as error:  # the runtime's errors share no base class
            if self.wanted != CPU and isinstance(error, RuntimeError | ValueError):
                # Its complaints about a model are of neither kind: this is the provider.
                raise EngineUnavailable(
                    f"The engine {self.name} asked for {self.asked}, which does not start: {one_line(error)}; "
                    "see 'unmask engines', or use --engine ort-cpu."
                ) from error
            raise EngineError(
                f"ONNX Runtime cannot load the model {self._model}: {one_line(error)}. "
                "The file may be damaged or made for another runtime."
            ) from error
        self._check_what_runs()
        self._inputs = tuple(self._spec(node) for node in self._session.get_inputs())
        self._outputs = tuple(self._spec(node) for node in self._session.get_outputs())

    def _check_what_runs(self) -> None:
        """Raise ``EngineUnavailable`` unless the wanted provider carries out (most of) the model."""
        running = self._session.get_providers()
        if running[:1] != [self.wanted] or (self.wanted == CPU and len(running) > 1):
            raise EngineUnavailable(
                f"The engine {self.name} asked for {self.asked}, but ONNX Runtime runs {running}: "
                "see 'unmask engines', or use --engine ort-cpu."
            )
        nodes = None if self.wanted == CPU else nodes_by_provider(self._session)
        if nodes is not None and 2 * nodes[self.wanted] < sum(nodes.values()):
            raise EngineUnavailable(
                f"The engine {self.name} would run {nodes[self.wanted]} of the {sum(nodes.values())} nodes of "
                f"{self._model} on {self.wanted} and the others on {', '.join(sorted({*nodes} - {self.wanted}))}: "
                "use --engine ort-cpu."
            )

    def _options(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # Spinning burns tens of milliseconds of processor time after each call of a paced pipeline.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        if self.wanted == CPU:
            # A plan of the memory for each batch size saves no time, and takes new memory in the second call of each.
            options.enable_mem_pattern = False
        # Only this level uses the blocked memory layout: more than twice as fast for convolutions.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Errors reach the caller as exceptions; printed a second time they only garble a terminal.
        options.log_severity_level = 4
        if self.wanted != CPU:
            options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        return options

    def _spec(self, node: Any) -> TensorSpec:
        if node.type not in _DTYPES:
            raise EngineError(
                f"The model {self._model} has {node.name!r} of type {node.type}; only tensors of numbers are read."
            )
        shape = tuple(axis if isinstance(axis, int) else None for axis in node.shape)
        return TensorSpec(node.name, np.dtype(_DTYPES[node.type]), shape)

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        try:
            return self._run(arrays)
        except Exception as error:  # the runtime's errors share no base class
            remedy = "Check the detector with: unmask detectors verify."
            if self.wanted != CPU:  # a device can be lost: unplugged, reset, or its driver replaced
                remedy = f"{self.asked} may be gone: choose another engine, such as ort-cpu."
            raise EngineError(f"ONNX Runtime failed on the model {self._model}: {one_line(error)}. {remedy}") from error

    def _run(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        names = [spec.name for spec in self._outputs]
        return dict(zip(names, self._session.run(names, dict(arrays)), strict=True))

    def _close_impl(self) -> None:
        self._session = None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep ONNX Runtime from printing, inside, why a provider did not start: an exception says it."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)  # ONNX Runtime's own default: warnings


def nodes_by_provider(session: Any) -> Counter[str] | None:
    """How many nodes each provider runs; ``None`` where this ONNX Runtime is too old to say.

    The session must have been made with ``session.record_ep_graph_assignment_info``.
    """
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None
    nodes: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        nodes[part.ep_name] += len(part.get_nodes())
    return nodes or None


def refuse_unused(name: str, options: EngineOptions, *, device: bool = False) -> None:
    """Raise ``UsageError`` for an option that an engine on this machine cannot honour.

    ``device`` says whether this one has devices to choose from.
    """
    if options.server is not None or options.remote_model is not None:
        raise UsageError(f"The engine {name} asks no server: leave the server out or use --engine remote.")
    if options.device is not None and not device:
        raise UsageError(f"The engine {name} has no devices to choose from: leave out --device {options.device}.")


def device_index(name: str, device: str | None) -> int:
    """The number of a GPU: ``1``, ``cuda:1`` and ``gpu:1`` are the second one, ``None`` the first."""
    number = (device or "0").lower().removeprefix("cuda:").removeprefix("gpu:")
    if not (number.isascii() and number.isdecimal()):
        raise UsageError(f"The engine {name} has no device {device!r}: give the number of a GPU, such as 0.")
    return int(number)


def one_line(error: BaseException) -> str:
    """The message of ``error`` in one line, cut to what a terminal can bear, without places in C++ sources."""
    said = re.sub(r"\S*/onnxruntime/\S+\.cc:\d+ .*?\) (?:\[\w+\] )?", "", model_bytes.one_line(error, 2000))
    return re.sub(r" ; GPU=-?\d+ ; hostname=.*", "", said)[:300]
