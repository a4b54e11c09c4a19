"""One lane per batch size: an execution context with its shapes, and the CUDA graph captured from it.

A captured graph holds the shapes and the inner state of its context: a context that was changed afterwards
makes the graph's next run undefined (NVIDIA, TensorRT documentation, "CUDA Graphs"). So each batch size has a
context for itself, and all of them share one workspace, because they run one after another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from unmask.engines.errors import EngineError
from unmask.engines.tensorrt.bindings import or_none, shape_of
from unmask.engines.tensorrt.cuda import CudaError, checked
from unmask.engines.tensorrt.log import kept_lines
from unmask.engines.tensorrt.memory import EngineMemory

if TYPE_CHECKING:
    import tensorrt as trt

#: How many batch sizes keep their context and graph; a monitor sees few different numbers of faces.
MOST_LANES = 8


class Closable(Protocol):
    def close(self) -> None: ...


_L = TypeVar("_L", bound=Closable)


class RecentlyUsed(Generic[_L]):
    """At most ``most`` things by a number; the one that was not asked for longest is closed for a new one."""

    def __init__(self, make: Callable[[int], _L], most: int = MOST_LANES) -> None:
        self._make = make
        self._most = most
        self._kept: OrderedDict[int, _L] = OrderedDict()

    def get(self, number: int) -> _L:
        if number not in self._kept:
            while len(self._kept) >= self._most:
                self._kept.popitem(last=False)[1].close()
            self._kept[number] = self._make(number)
        self._kept.move_to_end(number)
        return self._kept[number]

    def close(self) -> None:
        while self._kept:
            self._kept.popitem()[1].close()


class Lane:
    """Runs ``batch`` rows: the first time as single calls, which TensorRT needs before a capture, then by replay.

    ``no_graph`` says why there is no graph where the capture failed; the single calls go on then.
    """

    def __init__(self, engine: trt.ICudaEngine, memory: EngineMemory, batch: int) -> None:
        import tensorrt as trt

        self._memory = memory
        self._batch = batch
        self._graph: Any = None
        self._warm = False
        self.no_graph = ""
        with kept_lines() as lines:
            made = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
            self._context = or_none(made)
            if self._context is None:
                raise EngineError(f"TensorRT cannot make an execution context. {lines.reasons()}.")
            made.set_device_memory(memory.workspace.address, memory.workspace.nbytes)
            answers: list[object] = []
            for one in memory.tensors:
                answers.append(made.set_tensor_address(one.buffer.spec.name, one.device.address))
            for one in memory.inputs:
                answers.append(made.set_input_shape(one.buffer.spec.name, (batch, *one.buffer.row_shape)))
            if not all(answers) or made.infer_shapes():
                raise EngineError(f"TensorRT refuses a batch of {batch}. {lines.reasons()}.")
        self._check_outputs(made)

    def run(self) -> None:
        """From the pinned inputs to the pinned outputs; returns when they are there. Raises ``EngineError``."""
        if self._graph is not None:
            launched = self._memory.cuda.cudaGraphLaunch(self._graph, self._memory.stream.handle)
            checked(self._memory.cuda, launched, "replaying a CUDA graph")
        else:
            self._enqueue()
        self._memory.stream.wait()
        if not self._warm:
            self._warm = True
            self._capture()

    def close(self) -> None:
        if self._graph is not None:
            self._memory.cuda.cudaGraphExecDestroy(self._graph)
            self._graph = None
        self._context = None

    def _check_outputs(self, context: trt.IExecutionContext) -> None:
        for one in self._memory.outputs:
            shape = shape_of(context.get_tensor_shape(one.buffer.spec.name))
            if shape != (self._batch, *one.buffer.row_shape):
                raise EngineError(
                    f"The TensorRT plan gives {one.buffer.spec.name} the shape {shape} for a batch of {self._batch}: "
                    "export the detector again."
                )

    def _enqueue(self) -> None:
        """Copy in, run, copy out: the same calls with and without a capture."""
        stream, context = self._memory.stream, self._context
        assert context is not None  # close() comes last
        for one in self._memory.inputs:
            one.enqueue_copy(self._batch, stream)
        with kept_lines() as lines:
            if not context.execute_async_v3(stream.handle):
                raise EngineError(f"TensorRT failed on a batch of {self._batch}. {lines.reasons()}.")
        for one in self._memory.outputs:
            one.enqueue_copy(self._batch, stream)

    def _capture(self) -> None:
        cuda, stream = self._memory.cuda, self._memory.stream
        # Of this thread alone: other threads (a decoder, another engine) go on calling CUDA meanwhile.
        mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        checked(cuda, cuda.cudaStreamBeginCapture(stream.handle, mode), "beginning a CUDA graph")
        try:
            try:
                self._enqueue()
            finally:
                ended = cuda.cudaStreamEndCapture(stream.handle)
            graph = checked(cuda, ended, "ending a CUDA graph")
            try:
                self._graph = checked(cuda, cuda.cudaGraphInstantiate(graph, 0), "making a CUDA graph")
            finally:
                cuda.cudaGraphDestroy(graph)
        except (EngineError, CudaError) as error:
            cuda.cudaGetLastError()  # or the next call would report this one's error
            self.no_graph = str(error).rstrip(".")
