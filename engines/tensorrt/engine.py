"""The engine ``tensorrt``: a plan at work, replayed as CUDA graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable, UsageError
from unmask.engines.options import EngineOptions
from unmask.engines.tensorrt.availability import problem
from unmask.engines.tensorrt.bindings import made, shape_of, version
from unmask.engines.tensorrt.builder import deserialise, input_names, inspect
from unmask.engines.tensorrt.cuda import CudaRuntime, checked
from unmask.engines.tensorrt.inspector import check_precision
from unmask.engines.tensorrt.lanes import Lane, RecentlyUsed
from unmask.engines.tensorrt.log import kept_lines, the_logger
from unmask.engines.tensorrt.memory import EngineMemory
from unmask.engines.tensorrt.plan_source import get_plan, use_gpu
from unmask.engines.tensorrt.profile import Buffer, check_batches, check_max_batch, plan_buffer, split

if TYPE_CHECKING:
    import tensorrt as trt


class TensorRtEngine(Engine):
    """One ONNX model as a TensorRT plan on one NVIDIA GPU.

    Opening takes the plan from the cache, or builds it first, which takes from seconds to minutes: whoever
    listens to ``engines.build_progress`` hears of it. The plan's layers are inspected each time it is loaded.
    A larger batch than ``options.max_batch`` runs in several parts. The first call with a new number of rows
    captures a CUDA graph and takes longer. ``options.sha256`` is checked against the bytes that are parsed;
    ``options.device`` is the number of the GPU.
    """

    name = "tensorrt"

    def __init__(self, model: Path, options: EngineOptions) -> None:
        super().__init__()
        if options.threads != 1:
            raise UsageError("The engine tensorrt runs on the GPU and has no threads to set: leave threads at 1.")
        check_max_batch(options.max_batch)
        self._model = Path(model)
        self._options = options
        self._cuda: CudaRuntime | None = None
        self._device = 0
        self._runtime: trt.Runtime | None = None
        self._engine: trt.ICudaEngine | None = None
        self._memory: EngineMemory | None = None
        self._lanes: RecentlyUsed[Lane] | None = None
        self._buffers: list[Buffer] = []
        self._max_batch = 1
        self._description = ""
        self._no_graph = ""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return tuple(buffer.spec for buffer in self._buffers if buffer.is_input)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return tuple(buffer.spec for buffer in self._buffers if not buffer.is_input)

    @property
    def provider(self) -> str:
        """Such as ``TensorRT 10.16.1 on NVIDIA H100, fp16, 37 half-precision layers of 41``, as inspected in the
        plan that is loaded; with the reason where CUDA graphs cannot be used."""
        if self._lanes is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        return self._description + (f", without CUDA graphs ({self._no_graph})" if self._no_graph else "")

    def _open_impl(self) -> None:
        missing = problem()
        if missing:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {missing}.")
        import tensorrt as trt

        plan = get_plan(self._model, self._options)
        cuda, self._device = use_gpu(self._options)
        self._cuda = cuda
        with kept_lines() as lines:
            self._runtime = made(lambda: trt.Runtime(the_logger()), "runtime", lines)
        try:
            engine = deserialise(self._runtime, plan.data, str(self._model))
        except EngineError as error:
            if plan.why_built:
                raise
            # The cache's fields all fitted, and still TensorRT refuses: something that they do not cover.
            plan = get_plan(self._model, self._options, refused=str(error).rstrip("."))
            engine = deserialise(self._runtime, plan.data, str(self._model))
        self._engine = engine
        report = inspect(engine, self._options.max_batch)
        check_precision(report, plan.precision, str(self._model))
        buffers = _buffers_of(engine, self._options.max_batch)
        self._max_batch = check_batches(buffers)
        memory = self._memory = EngineMemory(cuda, buffers, int(engine.device_memory_size_v2))
        self._buffers = buffers
        self._no_graph = ""
        self._lanes = RecentlyUsed(lambda batch: Lane(engine, memory, batch))
        self._description = f"TensorRT {version()} on {plan.gpu.name}, {report}"

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        cuda, memory = self._cuda, self._memory
        assert cuda is not None  # the base class calls this between opening and closing only
        assert memory is not None
        # The current device belongs to the thread, and the caller's may be another one each time.
        checked(cuda, cuda.cudaSetDevice(self._device), f"choosing GPU {self._device}")
        counts = {len(array) for array in arrays.values()}
        if len(counts) != 1:
            raise EngineError(f"The engine {self.name} wants the same batch in all inputs, it got {sorted(counts)}.")
        count = counts.pop()
        results: dict[str, NDArray[Any]] = {
            one.buffer.spec.name: np.empty((count, *one.buffer.row_shape), one.buffer.spec.dtype)
            for one in memory.outputs
        }
        for rows in split(count, self._max_batch):
            self._run_part(memory, arrays, results, rows)
        return results

    def _run_part(self, memory: EngineMemory, arrays: Arrays, results: dict[str, NDArray[Any]], rows: slice) -> None:
        assert self._lanes is not None
        batch = rows.stop - rows.start
        lane = self._lanes.get(batch)
        for one in memory.inputs:
            np.copyto(one.host.array[:batch], arrays[one.buffer.spec.name][rows])
        lane.run()
        self._no_graph = self._no_graph or lane.no_graph
        for one in memory.outputs:
            np.copyto(results[one.buffer.spec.name][rows], one.host.array[:batch])

    def _close_impl(self) -> None:
        """Graphs before contexts, contexts before the engine, memory last: each still points into the next."""
        if self._cuda is not None:
            self._cuda.cudaSetDevice(self._device)
        if self._lanes is not None:
            self._lanes.close()
            self._lanes = None
        self._engine = None
        self._runtime = None
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        self._buffers = []


def _buffers_of(engine: trt.ICudaEngine, max_batch: int) -> list[Buffer]:
    import tensorrt as trt

    dtypes: dict[trt.DataType, type[np.generic]] = {
        trt.DataType.UINT8: np.uint8,
        trt.DataType.INT8: np.int8,
        trt.DataType.INT32: np.int32,
        trt.DataType.INT64: np.int64,
        trt.DataType.HALF: np.float16,
        trt.DataType.FLOAT: np.float32,
        trt.DataType.BOOL: np.bool_,
    }
    buffers: list[Buffer] = []
    inputs = input_names(engine)
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        dtype = engine.get_tensor_dtype(name)
        if dtype not in dtypes or engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise EngineError(
                f"The TensorRT plan has the tensor {name} of type {dtype}, which is not used here: "
                "export the detector with uint8 and float32 inputs and outputs."
            )
        shape = shape_of(engine.get_tensor_shape(name))
        buffers.append(plan_buffer(name, np.dtype(dtypes[dtype]), shape, is_input=name in inputs, max_batch=max_batch))
    return buffers
