"""Stands in for the module ``tensorrt``, version 10 or 11, where it cannot be installed.

A "plan" is the ONNX graph with a header, and an "engine" runs it with ONNX Runtime on the memory of
``fake_cuda``. So results are true numbers, while nothing here says anything about TensorRT's own behaviour or
speed: only the order of our calls and the handling of failures are tested with it. What exists in one version
only does not exist here, so that using it fails.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from unittest import mock

import onnx
from fake_cuda import FakeCuda
from fake_tensorrt_engine import (
    HEADER,
    BuilderFlag,
    DataType,
    Dims,
    LayerInformationFormat,
    MemoryPoolType,
    NetworkDefinitionCreationFlag,
    ProfilingVerbosity,
    Runtime,
    Severity,
    Strategy,
    Tensor,
    TensorIOMode,
    TensorLocation,
)


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO = Severity
    Severity = Severity

    def __init__(self) -> None: ...


class IProgressMonitor:
    def __init__(self) -> None: ...


@dataclass
class FakeTensorRt:
    """``say`` holds lines for the logger, by the call that fails with them: ``build``, ``deserialise``,
    ``context``, ``enqueue``; ``parser_errors`` makes parsing fail. ``inspector`` overrides the layers."""

    cuda: FakeCuda
    version: str = "10.16.1.11"
    say: dict[str, str] = field(default_factory=dict)
    parser_errors: list[str] = field(default_factory=list)
    inspector: str | None = None
    hide_types: bool = False
    builds: int = 0
    steps: int = 3
    during_build: Callable[[], object] = lambda: None
    log: list[str] = field(default_factory=list)
    loggers: set[int] = field(default_factory=set)
    last_config: Any = None

    def module(self) -> ModuleType:
        module = ModuleType("tensorrt")
        parts: dict[str, Any] = {
            "__version__": self.version,
            "ILogger": ILogger,
            "IProgressMonitor": IProgressMonitor,
            "Dims": Dims,
            "DataType": DataType,
            "TensorIOMode": TensorIOMode,
            "TensorLocation": TensorLocation,
            "ExecutionContextAllocationStrategy": Strategy,
            "LayerInformationFormat": LayerInformationFormat,
            "ProfilingVerbosity": ProfilingVerbosity,
            "MemoryPoolType": MemoryPoolType,
            "BuilderFlag": BuilderFlag,
            "NetworkDefinitionCreationFlag": NetworkDefinitionCreationFlag,
            "Builder": lambda logger: _Builder(self, logger),
            "OnnxParser": lambda network, logger: _Parser(self, network),
            "Runtime": lambda logger: Runtime(self, logger),
        }
        for name, part in parts.items():
            setattr(module, name, part)
        return module

    def fails(self, call: str, logger: Any) -> bool:
        if call not in self.say:
            return False
        logger.log(Severity.ERROR, self.say[call])
        return True


class _Memory(bytes):
    """``IHostMemory``: it has the buffer protocol and nothing else that is used."""


class _TimingCache:
    def __init__(self, entries: set[str]) -> None:
        self.entries = entries

    def combine(self, other: _TimingCache, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self.entries |= other.entries
        return True

    def serialize(self) -> _Memory:
        return _Memory(json.dumps(sorted(self.entries)).encode())


class _Config:
    def __init__(self) -> None:
        self.profiling_verbosity = ProfilingVerbosity.LAYER_NAMES_ONLY
        self.progress_monitor: Any = None
        self.tf32 = True
        self.workspace = 0
        self.profiles: list[Any] = []
        self.timing: _TimingCache | None = None

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self.workspace = size

    def clear_flag(self, flag: BuilderFlag) -> None:
        self.tf32 = False

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, raw: bytes) -> _TimingCache | None:
        try:
            return _TimingCache(set(json.loads(raw)) if raw else set())
        except ValueError:
            return None

    def set_timing_cache(self, cache: _TimingCache, ignore_mismatch: bool) -> bool:
        self.timing = cache
        return not ignore_mismatch

    def get_timing_cache(self) -> _TimingCache | None:
        return self.timing


class _Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, list[tuple[int, ...]]] = {}

    def set_shape(self, name: str, smallest: Dims, usual: Dims, largest: Dims) -> None:
        self.shapes[name] = [tuple(shape) for shape in (smallest, usual, largest)]


class _Builder:
    def __init__(self, trt: FakeTensorRt, logger: Any) -> None:
        if trt.cuda.devices == 0:
            raise TypeError("pybind11::init(): factory function returned nullptr")
        trt.loggers.add(id(logger))
        self._trt, self._logger = trt, logger

    def create_network(self, flags: int) -> _Network:
        assert flags == 1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return _Network()

    def create_builder_config(self) -> _Config:
        self._trt.last_config = _Config()
        return self._trt.last_config

    def create_optimization_profile(self) -> _Profile:
        return _Profile()

    def build_serialized_network(self, network: _Network, config: _Config) -> _Memory | None:
        trt, monitor = self._trt, config.progress_monitor
        trt.builds += 1
        trt.during_build()
        if trt.fails("build", self._logger):
            return None
        monitor.phase_start("Building", None, trt.steps)
        for step in range(trt.steps):
            monitor.phase_start("Timing", "Building", 2)
            fine = monitor.step_complete("Timing", 0)
            monitor.phase_finish("Timing")
            if not fine or not monitor.step_complete("Building", step):
                monitor.phase_finish("Building")
                return None
        monitor.phase_finish("Building")
        if config.timing is not None:
            config.timing.entries.add(f"kernels of {network.model.graph.name}")
        header = {"version": trt.version, "capability": trt.cuda.capability, "profiles": []}
        header["profiles"] = [profile.shapes for profile in config.profiles]
        header["detailed"] = config.profiling_verbosity == ProfilingVerbosity.DETAILED
        return _Memory(HEADER + json.dumps(header).encode() + b"\n" + network.model.SerializeToString())


class _Network:
    model: onnx.ModelProto

    @property
    def num_inputs(self) -> int:
        return len(self.model.graph.input)

    def get_input(self, index: int) -> Any:
        return Tensor(self.model.graph.input[index])


class _ParserError:
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text

    def node_name(self) -> str:
        return "node_7"

    def node_operator(self) -> str:
        return "Exotic"


class _Parser:
    def __init__(self, trt: FakeTensorRt, network: _Network) -> None:
        self._trt, self._network = trt, network

    def parse(self, raw: bytes) -> bool:
        self._network.model = onnx.ModelProto.FromString(raw)
        graph = self._network.model.graph
        inputs = {one.name for one in graph.input if one.type.tensor_type.elem_type == onnx.TensorProto.UINT8}
        for node in graph.node:
            if node.op_type != "Cast" and inputs & set(node.input):
                self._trt.parser_errors.append("UINT8 inputs must directly feed into a cast")
        return not self._trt.parser_errors

    @property
    def num_errors(self) -> int:
        return len(self._trt.parser_errors)

    def get_error(self, index: int) -> _ParserError:
        return _ParserError(self._trt.parser_errors[index])


@contextlib.contextmanager
def installed(cuda: FakeCuda, **options: Any) -> Iterator[FakeTensorRt]:
    """Both fakes in the place of the real modules, and the logger of the process made anew."""
    from unmask.engines.tensorrt.log import the_logger

    trt = FakeTensorRt(cuda, **options)
    modules = {
        "tensorrt": trt.module(),
        "cuda": ModuleType("cuda"),
        "cuda.bindings": ModuleType("cuda.bindings"),
        "cuda.bindings.runtime": cuda.module(),
    }
    with mock.patch.dict(sys.modules, modules):
        the_logger.cache_clear()
        yield trt
    the_logger.cache_clear()
