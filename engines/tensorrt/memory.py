"""Streams, pinned host memory and device memory, by ``cuda.bindings.runtime`` alone.

Nothing here is freed by the garbage collector: the GPU may still be writing. Whoever makes one closes it.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.tensorrt.cuda import CudaRuntime, checked
from unmask.engines.tensorrt.profile import Buffer


class Stream:
    """A stream of its own, which does not wait for the default one: that one cannot be captured."""

    def __init__(self, cuda: CudaRuntime) -> None:
        self._cuda = cuda
        made = checked(cuda, cuda.cudaStreamCreateWithFlags(cuda.cudaStreamNonBlocking), "making a stream")
        self.handle = int(made)

    def wait(self) -> None:
        """Until everything on the stream is done. Raises ``CudaError`` for what failed in it."""
        checked(self._cuda, self._cuda.cudaStreamSynchronize(self.handle), "running the model")

    def close(self) -> None:
        if self.handle:
            self._cuda.cudaStreamDestroy(self.handle)
            self.handle = 0


class DeviceMemory:
    """Bytes on the GPU."""

    def __init__(self, cuda: CudaRuntime, nbytes: int, purpose: str) -> None:
        self._cuda = cuda
        self.nbytes = nbytes
        doing = f"taking {nbytes / 2**20:.1f} MiB of GPU memory for {purpose}"
        self.address = int(checked(cuda, cuda.cudaMalloc(max(1, nbytes)), doing))

    def close(self) -> None:
        # What cudaFree complains of was already raised by the call that failed; the address is gone either way.
        if self.address:
            self._cuda.cudaFree(self.address)
            self.address = 0


class PinnedMemory:
    """Host memory that the GPU reads and writes by itself, seen as an array of ``buffer.full_shape``."""

    def __init__(self, cuda: CudaRuntime, buffer: Buffer) -> None:
        self._cuda = cuda
        doing = f"pinning {buffer.nbytes / 2**20:.1f} MiB of host memory for {buffer.spec.name}"
        self.address = int(checked(cuda, cuda.cudaHostAlloc(buffer.nbytes, 0), doing))
        raw = (ctypes.c_uint8 * buffer.nbytes).from_address(self.address)
        whole: NDArray[Any] = np.ctypeslib.as_array(raw)
        flat: NDArray[Any] = whole[: buffer.bytes_of(buffer.rows)].view(buffer.spec.dtype)
        self.array: NDArray[Any] = flat.reshape(buffer.full_shape)  # a view, the memory being in one piece

    def close(self) -> None:
        if self.address:
            self.array = np.empty(0, np.uint8)  # the old one would point to memory that is gone
            self._cuda.cudaFreeHost(self.address)
            self.address = 0


class TensorMemory:
    """One tensor: pinned host memory, device memory, and the copies between them."""

    def __init__(self, cuda: CudaRuntime, buffer: Buffer) -> None:
        self._cuda = cuda
        self.buffer = buffer
        self.host = PinnedMemory(cuda, buffer)
        try:
            self.device = DeviceMemory(cuda, buffer.nbytes, buffer.spec.name)
        except BaseException:
            self.host.close()
            raise

    def enqueue_copy(self, rows: int, stream: Stream) -> None:
        """To the GPU for an input, from it for an output; the first ``rows`` only. Returns at once."""
        kinds, nbytes = self._cuda.cudaMemcpyKind, self.buffer.bytes_of(rows)
        if self.buffer.is_input:
            to, source, kind = self.device.address, self.host.address, kinds.cudaMemcpyHostToDevice
        else:
            to, source, kind = self.host.address, self.device.address, kinds.cudaMemcpyDeviceToHost
        copied = self._cuda.cudaMemcpyAsync(to, source, nbytes, kind, stream.handle)
        checked(self._cuda, copied, f"copying {self.buffer.spec.name}")

    def close(self) -> None:
        self.device.close()
        self.host.close()


class EngineMemory:
    """The stream, the tensors of the largest batch, and the workspace that all batch sizes share in turn."""

    def __init__(self, cuda: CudaRuntime, buffers: Sequence[Buffer], workspace_bytes: int) -> None:
        self.cuda = cuda
        self.tensors: list[TensorMemory] = []
        with contextlib.ExitStack() as half_made:
            self.stream = Stream(cuda)
            half_made.callback(self.stream.close)
            for buffer in buffers:
                tensor = TensorMemory(cuda, buffer)
                half_made.callback(tensor.close)
                self.tensors.append(tensor)
            self.workspace = DeviceMemory(cuda, workspace_bytes, "the layers in between")
            half_made.pop_all()

    @property
    def inputs(self) -> list[TensorMemory]:
        return [tensor for tensor in self.tensors if tensor.buffer.is_input]

    @property
    def outputs(self) -> list[TensorMemory]:
        return [tensor for tensor in self.tensors if not tensor.buffer.is_input]

    def close(self) -> None:
        """Free everything. Nothing may be running on the stream any more."""
        self.workspace.close()
        for tensor in self.tensors:
            tensor.close()
        self.stream.close()
