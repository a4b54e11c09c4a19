"""An ONNX graph, run node by node with torch's operators: a second opinion, written apart from every runtime.

Only operators of the table ``unmask.engines.torch_operators.OPERATORS`` run. Nothing is evaluated or
unpickled: weights are read as ONNX tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.engines.engine import TensorSpec
from unmask.engines.errors import EngineError
from unmask.engines.model_bytes import one_line
from unmask.engines.torch_operators import OPERATORS, Call

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto

_STANDARD_DOMAINS = ("", "ai.onnx")
_NUMBERS = ("uint8", "int8", "int32", "int64", "float16", "float32", "float64", "bool")
#: Integer constants up to this size are kept as plain numbers too: axes, shapes, paddings.
_KNOWN_SIZE = 64


@dataclass(frozen=True, slots=True)
class _Step:
    """One node. ``known``: which inputs are constants and what they hold; ``done``: names nobody needs after."""

    operator: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    known: Mapping[int, list[int]]
    done: tuple[str, ...]


class TorchGraph:
    """A graph whose weights lie on ``device`` (a torch device). ``where`` names the model in messages.

    Raises ``EngineError`` for bytes that are no ONNX model, weights in other files, tensors of other things
    than numbers, and operators that are not in the table: all of them in one sentence.
    """

    def __init__(self, raw: bytes, device: Any, where: str) -> None:
        import onnx
        from google.protobuf.message import DecodeError

        self._device, self._where = device, where
        try:
            model = onnx.ModelProto.FromString(raw)
        except DecodeError as error:
            raise EngineError(f"{where} is no readable ONNX model (damaged or cut off): export it again.") from error
        if not model.graph.node:
            raise EngineError(f"{where} holds no ONNX graph: export it again.")
        graph = model.graph
        self._opset = next((entry.version for entry in model.opset_import if entry.domain in _STANDARD_DOMAINS), 1)
        self._refuse_unknown(graph)
        self._known: dict[str, list[int]] = {}
        self._weights: dict[str, Any] = {}
        for weight in graph.initializer:
            self._keep(weight.name, weight)
        nodes = [node for node in graph.node if not self._is_constant(node)]
        self.inputs = tuple(self._spec(value) for value in graph.input if value.name not in self._weights)
        self.outputs = tuple(self._spec(value) for value in graph.output)
        self._steps = self._plan(nodes)

    def run(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Input tensors by name -> output tensors by name, on the same device.

        An output may share its memory with an input or a weight. Raises ``EngineError`` naming the node
        that failed, or that is of a variant which the table does not cover.
        """
        values = {**self._weights, **arrays}
        for step in self._steps:
            self._run_step(step, values)
            for name in step.done:
                del values[name]
        return {spec.name: values[spec.name] for spec in self.outputs}

    def _run_step(self, step: _Step, values: dict[str, Any]) -> None:
        import torch

        inputs = [values[name] if name else None for name in step.inputs]
        call = Call(torch, inputs, step.attributes, known=step.known, opset=self._opset, outputs=len(step.outputs))
        try:
            given = OPERATORS[step.operator](call)
        except Exception as error:  # torch's errors share no base class
            raise EngineError(
                f"torch cannot run the operator {step.operator} ({step.label}) of {self._where}: {one_line(error)}."
            ) from error
        if call.ignored:
            raise EngineError(
                f"The torch reference does not cover {', '.join(sorted(call.ignored))} of the operator "
                f"{step.operator} ({step.label}) of {self._where}: use --engine ort-cpu."
            )
        results = given if isinstance(given, tuple) else (given,)
        values.update((name, result) for name, result in zip(step.outputs, results, strict=True) if name)

    def _refuse_unknown(self, graph: GraphProto) -> None:
        unknown = sorted(
            {
                f"{node.domain}.{node.op_type}" if node.domain not in _STANDARD_DOMAINS else node.op_type
                for node in graph.node
                if node.domain not in _STANDARD_DOMAINS or node.op_type not in OPERATORS
            }
        )
        if unknown:
            raise EngineError(
                f"The torch reference has no operator {', '.join(unknown)}, which {self._where} needs: "
                "use --engine ort-cpu."
            )

    def _keep(self, name: str, tensor: TensorProto) -> None:
        array = self._array(name, tensor)
        self._weights[name] = self._to_torch(name, array)
        if array.dtype.kind in "iu" and array.size <= _KNOWN_SIZE:
            self._known[name] = [int(value) for value in array.reshape(-1)]

    def _array(self, name: str, tensor: TensorProto) -> np.ndarray:
        from onnx import TensorProto, numpy_helper

        if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
            raise EngineError(f"{self._where} keeps the weight {name!r} in another file: export it as one file.")
        try:
            return numpy_helper.to_array(tensor)
        except Exception as error:  # a length that does not fit the shape, a type that is none
            raise EngineError(f"The weight {name!r} of {self._where} cannot be read: {one_line(error)}.") from error

    def _to_torch(self, name: str, array: np.ndarray) -> Any:
        import torch

        if array.dtype.name not in _NUMBERS:
            raise EngineError(f"{self._where} has {name!r} of type {array.dtype}; only tensors of numbers are read.")
        return torch.from_numpy(np.array(array, order="C")).to(self._device)

    def _is_constant(self, node: NodeProto) -> bool:
        """Whether ``node`` was a constant, which is then kept like a weight."""
        if node.op_type != "Constant" or not node.attribute:
            return False
        from onnx import numpy_helper

        attribute = node.attribute[0]
        match attribute.name:
            case "value":
                tensor = attribute.t
            case "value_int" | "value_ints":
                tensor = numpy_helper.from_array(np.array(self._value(attribute), np.int64))
            case "value_float" | "value_floats":
                tensor = numpy_helper.from_array(np.array(self._value(attribute), np.float32))
            case _:
                return False
        self._keep(node.output[0], tensor)
        return True

    def _value(self, attribute: AttributeProto) -> Any:
        """An attribute as Python has it: a number, a text, a list, or a tensor on the device."""
        from onnx import AttributeProto, helper

        if attribute.type == AttributeProto.TENSOR:
            return self._to_torch(attribute.name, self._array(attribute.name, attribute.t))
        value = helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if attribute.type == AttributeProto.STRINGS:
            return tuple(text.decode("utf-8", "replace") for text in value)
        return list(value) if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS) else value

    def _spec(self, value: ValueInfoProto) -> TensorSpec:
        from onnx import helper

        kind = value.type.tensor_type
        try:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
        except Exception:  # noqa: BLE001 - a sequence, or a number that names no type
            dtype = np.dtype(object)
        if dtype.name not in _NUMBERS or not kind.HasField("shape"):
            raise EngineError(f"{self._where} has {value.name!r}, which is no tensor of numbers of known rank.")
        shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim)
        return TensorSpec(value.name, dtype, shape)

    def _plan(self, nodes: list[NodeProto]) -> list[_Step]:
        """The steps in the graph's order, each with the tensors that can be freed after it."""
        given = {spec.name for spec in self.inputs} | self._weights.keys()
        wanted = {spec.name for spec in self.outputs}
        readers = Counter(name for node in nodes for name in set(node.input))
        steps: list[_Step] = []
        for node in nodes:
            if missing := sorted({name for name in node.input if name} - given):
                raise EngineError(
                    f"The operator {node.op_type} of {self._where} reads {missing[0]!r}, which is nowhere."
                )
            made = {name for name in node.output if name}
            given |= made
            done = [name for name in made if not readers[name]]
            for name in {name for name in node.input if name}:
                readers[name] -= 1
                if not readers[name] and name not in self._weights:
                    done.append(name)
            steps.append(self._step(node, tuple(name for name in done if name not in wanted)))
        if missing := sorted(wanted - given):
            raise EngineError(f"{self._where} promises the output {missing[0]!r} and never makes it: export it again.")
        return steps

    def _step(self, node: NodeProto, done: tuple[str, ...]) -> _Step:
        label = node.name or (node.output[0] if node.output else "without a name")
        attributes = {attribute.name: self._value(attribute) for attribute in node.attribute}
        known = {index: self._known[name] for index, name in enumerate(node.input) if name in self._known}
        return _Step(node.op_type, label, tuple(node.input), tuple(node.output), attributes, known, done)
