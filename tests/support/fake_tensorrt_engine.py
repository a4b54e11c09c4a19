"""The half of ``fake_tensorrt`` that runs plans: see there."""

from __future__ import annotations

import ctypes
import enum
import json
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

HEADER = b"fake plan\n"
_NUMPY = {"UINT8": np.uint8, "FLOAT": np.float32, "INT64": np.int64, "INT32": np.int32}
_WORDS = {TensorProto.FLOAT: "Float", TensorProto.FLOAT16: "Half", TensorProto.UINT8: "UInt8"}


class Severity(enum.IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3


DataType = enum.Enum("DataType", "UINT8 INT8 INT32 INT64 HALF FLOAT BOOL")
TensorIOMode = enum.Enum("TensorIOMode", "NONE INPUT OUTPUT")
TensorLocation = enum.Enum("TensorLocation", "DEVICE HOST")
Strategy = enum.Enum("Strategy", "STATIC USER_MANAGED")
LayerInformationFormat = enum.Enum("LayerInformationFormat", "ONELINE JSON")
ProfilingVerbosity = enum.Enum("ProfilingVerbosity", "NONE LAYER_NAMES_ONLY DETAILED")
MemoryPoolType = enum.Enum("MemoryPoolType", "WORKSPACE")
BuilderFlag = enum.Enum("BuilderFlag", "TF32")


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class Dims:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = tuple(shape)

    def __len__(self) -> int:
        return len(self._shape)

    def __getitem__(self, axis: int) -> int:
        return self._shape[axis]


class Tensor:
    def __init__(self, value: onnx.ValueInfoProto) -> None:
        kind = value.type.tensor_type
        self.name = value.name
        self.dtype = DataType[TensorProto.DataType.Name(kind.elem_type).replace("FLOAT16", "HALF")]
        self.shape = Dims(tuple(a.dim_value if a.HasField("dim_value") else -1 for a in kind.shape.dim))


class Runtime:
    def __init__(self, trt: Any, logger: Any) -> None:
        trt.loggers.add(id(logger))
        self._trt, self._logger = trt, logger

    def deserialize_cuda_engine(self, plan: bytes) -> _Engine | None:
        if self._trt.fails("deserialise", self._logger):
            return None
        if not plan.startswith(HEADER):
            self._logger.log(Severity.ERROR, "Error Code 1: Serialization (Magic tag does not match.)")
            return None
        header, _, graph = plan[len(HEADER) :].partition(b"\n")
        facts = json.loads(header)
        if facts["version"] != self._trt.version:
            self._logger.log(Severity.ERROR, "Error Code 1: Serialization (Version tag does not match.)")
            return None
        return _Engine(self._trt, self._logger, facts, onnx.ModelProto.FromString(graph))


class _Engine:
    device_memory_size_v2 = 4096

    def __init__(self, trt: Any, logger: Any, facts: dict[str, Any], model: onnx.ModelProto) -> None:
        import onnxruntime

        self.trt, self.logger, self.facts, self.model = trt, logger, facts, model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        self.tensors = [Tensor(value) for value in (*model.graph.input, *model.graph.output)]

    @property
    def num_io_tensors(self) -> int:
        return len(self.tensors)

    def get_tensor_name(self, index: int) -> str:
        return self.tensors[index].name

    def _named(self, name: str) -> Tensor:
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        inputs = [value.name for value in self.model.graph.input]
        return TensorIOMode.INPUT if name in inputs else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> DataType:
        return self._named(name).dtype

    def get_tensor_location(self, name: str) -> TensorLocation:
        return TensorLocation.DEVICE

    def get_tensor_shape(self, name: str) -> Dims:
        return self._named(name).shape

    def create_execution_context(self, strategy: Strategy) -> _Context | None:
        return None if self.trt.fails("context", self.logger) else _Context(self)

    def create_engine_inspector(self) -> _Inspector:
        return _Inspector(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._memory = 0
        self._enqueued = False
        self._captured = False

    def _change(self) -> None:
        assert not self._captured, "changing a context makes the graph that was captured from it undefined"
        self._enqueued = False

    def set_device_memory(self, memory: int, size: int) -> None:
        self._change()
        assert size >= self._engine.device_memory_size_v2
        self._memory = memory

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._change()
        self._addresses[name] = memory
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._change()
        limits = [profile[name] for profile in self._engine.facts["profiles"]]
        fits = all(low[0] <= shape[0] <= high[0] for low, _, high in limits)
        if not fits:
            self._engine.logger.log(Severity.ERROR, f"the shape of {name} is outside of the profile")
        self._shapes[name] = tuple(shape)
        return fits

    def infer_shapes(self) -> list[str]:
        return [value.name for value in self._engine.model.graph.input if value.name not in self._shapes]

    def get_tensor_shape(self, name: str) -> Dims:
        if name in self._shapes:
            return Dims(self._shapes[name])
        batch = next(iter(self._shapes.values()))[0]
        return Dims(tuple(batch if axis == -1 else axis for axis in self._engine.get_tensor_shape(name)))

    def execute_async_v3(self, stream_handle: int) -> bool:
        engine = self._engine
        assert stream_handle, "the default stream cannot be captured"
        assert self._memory in engine.trt.cuda.blocks, "a context without memory"
        if engine.trt.fails("enqueue", engine.logger):
            return False
        stream = engine.trt.cuda.streams[stream_handle]
        engine.trt.log.append("captured" if stream.captured is not None else "enqueued")
        if stream.captured is not None:
            assert self._enqueued, "enqueue once with these shapes before a capture"
            self._captured = True
        self._enqueued = True
        stream.do(self._compute)
        return True

    def _compute(self) -> None:
        names = [value.name for value in self._engine.model.graph.input]
        arrays = {name: self._array(name).copy() for name in names}
        outputs = [value.name for value in self._engine.model.graph.output]
        for name, value in zip(outputs, self._engine.session.run(outputs, arrays), strict=True):
            self._array(name)[...] = value

    def _array(self, name: str) -> np.ndarray:
        shape, dtype = tuple(self.get_tensor_shape(name)), _NUMPY[self._engine.get_tensor_dtype(name).name]
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raw = (ctypes.c_uint8 * nbytes).from_address(self._addresses[name])
        return np.frombuffer(raw, dtype).reshape(shape)


class _Inspector:
    """Layers as the inspector of this version writes them: 10 joins format and type, 11 does not."""

    execution_context: Any = None

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    def get_engine_information(self, format: LayerInformationFormat) -> str:
        engine = self._engine
        if engine.trt.inspector is not None:
            return engine.trt.inspector
        if not engine.facts["detailed"]:
            return json.dumps({"Layers": [node.name for node in engine.model.graph.node]})
        kinds = _value_types(engine.model)
        layers = [
            {
                "Name": node.name,
                "LayerType": node.op_type,
                "Inputs": [self._tensor(name, kinds) for name in node.input if name in kinds],
                "Outputs": [self._tensor(name, kinds) for name in node.output if name in kinds],
            }
            for node in engine.model.graph.node
        ]
        return json.dumps({"Layers": layers, "Bindings": []})

    def _tensor(self, name: str, kinds: dict[str, str]) -> dict[str, str]:
        kind = kinds[name]
        if self._engine.trt.hide_types or (self.execution_context is None and kind):
            kind = "N/A due to dynamic shapes"
        if self._engine.trt.version.startswith("10"):
            return {"Name": name, "Format/Datatype": kind}
        return {"Name": name, "Format": "Row major linear format (kLINEAR)", "Datatype": kind}


def _value_types(model: onnx.ModelProto) -> dict[str, str]:
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.input, *inferred.output, *inferred.value_info)
    return {value.name: _WORDS.get(value.type.tensor_type.elem_type, "Int64") for value in values}
