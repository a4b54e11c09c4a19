"""Stands in for ``cuda.bindings.runtime`` where there is no GPU: device memory is ordinary memory, a stream
runs what it is given at once, a capture records it, a graph plays it back.

It proves the order of calls and what happens to errors, never speed. It is strict where CUDA would crash or
corrupt: freed twice, copied out of bounds, captured or synchronised at the wrong time.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any


class Code(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorStreamCaptureUnsupported = 900


@dataclass
class FakeStream:
    handle: int
    captured: list[Callable[[], None]] | None = None
    busy: bool = False

    def do(self, work: Callable[[], None]) -> None:
        if self.captured is None:
            work()
            self.busy = True
        else:
            self.captured.append(work)


@dataclass
class FakeCuda:
    """The state of one GPU. ``fail`` maps a function's name to the code it is to return once."""

    devices: int = 1
    name: str = "NVIDIA Fake 9000"
    capability: tuple[int, int] = (9, 0)
    driver: int = 13000
    memory_limit: int = 1 << 40
    fail: dict[str, Code] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    blocks: dict[int, Any] = field(default_factory=dict)
    streams: dict[int, FakeStream] = field(default_factory=dict)
    graphs: dict[int, list[Callable[[], None]]] = field(default_factory=dict)
    current: int | None = None
    _next: int = 1000

    def new_handle(self) -> int:
        self._next += 1
        return self._next

    def leaks(self) -> list[str]:
        """What was not given back."""
        return [*map(str, self.blocks), *map(str, self.streams), *map(str, self.graphs)]

    def module(self) -> ModuleType:
        """To be put into ``sys.modules``."""
        module = ModuleType("cuda.bindings.runtime")
        for name in (name for name in dir(self) if name.startswith("cuda")):
            value = getattr(self, name)
            setattr(module, name, self._counted(name, value) if callable(value) else value)
        return module

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            if name not in ("cudaGetErrorName", "cudaGetErrorString"):
                self.calls.append(name)
            code = self.fail.pop(name, None)
            return (code, None) if code is not None else call(*args)

        return counted

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
    cudaStreamNonBlocking = 1

    def cudaGetDeviceCount(self):
        return (Code.cudaSuccess, self.devices) if self.devices else (Code.cudaErrorNoDevice, None)

    def cudaGetDeviceProperties(self, device: int):
        major, minor = self.capability
        return Code.cudaSuccess, SimpleNamespace(name=self.name.encode() + b"\0\0", major=major, minor=minor)

    def cudaSetDevice(self, device: int):
        self.current = device
        return (Code.cudaSuccess if device < self.devices else Code.cudaErrorInvalidValue,)

    def cudaDriverGetVersion(self):
        return Code.cudaSuccess, self.driver

    def cudaGetErrorName(self, error: Code):
        return Code.cudaSuccess, Code(error).name.encode()

    def cudaGetErrorString(self, error: Code):
        return Code.cudaSuccess, b"words for " + str(int(error)).encode()

    def cudaGetLastError(self):
        return (Code.cudaSuccess,)

    def cudaMalloc(self, size: int):
        if size > self.memory_limit:
            return Code.cudaErrorMemoryAllocation, None
        block = (ctypes.c_uint8 * size)()
        self.blocks[ctypes.addressof(block)] = block
        return Code.cudaSuccess, ctypes.addressof(block)

    def cudaHostAlloc(self, size: int, flags: int):
        return self.cudaMalloc(size)

    def cudaFree(self, pointer: int):
        del self.blocks[pointer]
        return (Code.cudaSuccess,)

    def cudaFreeHost(self, pointer: int):
        return self.cudaFree(pointer)

    def cudaMemcpyAsync(self, to: int, source: int, count: int, kind: int, stream: int):
        assert count <= len(self.blocks[to]), "a copy over the end of the target"
        assert count <= len(self.blocks[source]), "a copy over the end of the source"
        self.streams[stream].do(lambda: ctypes.memmove(to, source, count))
        return (Code.cudaSuccess,)

    def cudaStreamCreateWithFlags(self, flags: int):
        assert flags == self.cudaStreamNonBlocking
        handle = self.new_handle()
        self.streams[handle] = FakeStream(handle)
        return Code.cudaSuccess, handle

    def cudaStreamSynchronize(self, stream: int):
        assert self.streams[stream].captured is None, "a stream must not be waited for while it is captured"
        self.streams[stream].busy = False
        return (Code.cudaSuccess,)

    def cudaStreamDestroy(self, stream: int):
        del self.streams[stream]
        return (Code.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream: int, mode: int):
        assert not self.streams[stream].busy, "wait before a capture"
        self.streams[stream].captured = []
        return (Code.cudaSuccess,)

    def cudaStreamEndCapture(self, stream: int):
        work, self.streams[stream].captured = self.streams[stream].captured, None
        assert work is not None
        handle = self.new_handle()
        self.graphs[handle] = work
        return Code.cudaSuccess, handle

    def cudaGraphInstantiate(self, graph: int, flags: int):
        handle = self.new_handle()
        self.graphs[handle] = self.graphs[graph]
        return Code.cudaSuccess, handle

    def cudaGraphLaunch(self, graph: int, stream: int):
        for work in self.graphs[graph]:
            work()
        self.streams[stream].busy = True
        return (Code.cudaSuccess,)

    def cudaGraphDestroy(self, graph: int):
        del self.graphs[graph]
        return (Code.cudaSuccess,)

    def cudaGraphExecDestroy(self, graph: int):
        return self.cudaGraphDestroy(graph)
