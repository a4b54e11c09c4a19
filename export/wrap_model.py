"""Somebody's ONNX classifier, made fit for a package: one file, standard operators, any number of pictures."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, inliner, numpy_helper, version_converter
from onnx.external_data_helper import load_external_data_for_model

from unmask.engines.graph_check import NEWEST_OPSET, check_operators, check_weights, check_wiring, read_graph
from unmask.engines.package import MAX_MODEL_BYTES
from unmask.export.package_writer import ExportError

#: The oldest operator set in which the added nodes are written; older graphs are converted to it.
OLDEST = 13
#: Version of the file that each operator set came with.
_IR = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}

_STANDARD = ("", "ai.onnx")
_INPUTS: dict[int, str] = {TensorProto.FLOAT: "float", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "double",
           TensorProto.UINT8: "uint8"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foreign:
    """A classifier that passed the checks of a package's graph. ``model`` is not to be changed.

    ``shape``: the four axes of its picture input, ``None`` where dynamic; ``batch`` is set where the first
    is fixed. ``original``: the graph before its operator set was converted, to compare with. ``notes``:
    what was done to it.
    """

    model: onnx.ModelProto
    input: str
    dtype: str
    shape: tuple[int | None, ...]
    original: onnx.ModelProto | None
    notes: tuple[str, ...]

    @property
    def batch(self) -> int | None:
        return self.shape[0]


def read_foreign(path: Path) -> Foreign:
    """Read and check ``path``, merging weights that lie beside it. Nothing is run.

    Raises ``PackageError`` for a graph that no package may hold and ``ExportError`` for one that cannot be
    wrapped, each with what to do about it.
    """
    where = f"The model {path}"
    model, notes = read_graph(_read(path), where), []
    if model.functions:
        model = inliner.inline_local_functions(model)
        notes.append("operators defined in the file were written out")
    if _merge_weights(model, path, where):
        notes.append("weights of other files were merged")
    _strip(model)
    original = None
    opset = _opset(model, where)
    if not OLDEST <= opset <= NEWEST_OPSET:
        original, wanted = model, min(max(opset, OLDEST), NEWEST_OPSET)
        model = _converted(model, wanted, where)
        notes.append(f"operator set {opset} was converted to {wanted}")
        _strip(model)
    model.ir_version = _IR[min(max(opset, OLDEST), NEWEST_OPSET)]
    check_operators(model, where)
    check_weights(model, where)
    check_wiring(model.SerializeToString(), where)
    value = _picture_input(model, where)
    kind = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim)
    return Foreign(model, value.name, _INPUTS[kind.elem_type], shape, original, tuple(notes))


def with_dynamic_batch(foreign: Foreign) -> onnx.ModelProto:
    """A copy of a model of fixed batch that claims to take any: axes freed, constant shapes of ``Reshape``
    opened. Whether it computes the same must be compared by running both."""
    model = onnx.ModelProto()
    model.CopyFrom(foreign.model)
    for value in (*model.graph.input, *model.graph.output):
        axes = value.type.tensor_type.shape.dim
        if axes and axes[0].dim_value == foreign.batch:
            axes[0].dim_param = "batch"
    shapes = _constants(model.graph)
    for index, node in enumerate(model.graph.node):
        known = shapes.get(node.input[1]) if node.op_type == "Reshape" else None
        if known is None or known.ndim != 1 or not known.size or known[0] != foreign.batch:
            continue
        opened = known.copy()
        # Zero copies the axis of what comes in; minus one is safer but may stand only once.
        opened[0] = 0 if -1 in known else -1
        name = f"opened_shape_{index}"
        model.graph.initializer.append(numpy_helper.from_array(opened, name))
        node.input[1] = name
    return model


def _read(path: Path) -> bytes:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ExportError(f"{path} is not an ordinary file: give an ONNX file.")
        if facts.st_size > MAX_MODEL_BYTES:
            raise ExportError(f"The model {path} is larger than {MAX_MODEL_BYTES >> 20} MiB: no detector needs that.")
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"The model {path} cannot be read: {error.strerror or error}.") from error


def _merge_weights(model: onnx.ModelProto, path: Path, where: str) -> bool:
    """Read the weights that lie in other files of the model's own folder; whether there were any."""
    outside = [tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    folder, total = path.parent.resolve(), 0
    for name in {entry.value for t in outside for entry in t.external_data if entry.key == "location"}:
        part = PurePosixPath(name)
        file = folder / name
        if part.is_absolute() or ".." in part.parts or "\\" in name or ":" in name or not name.isprintable():
            raise ExportError(f"{where} keeps weights at {name!r}, outside of its folder: save it as one file.")
        if file.is_symlink() or not file.is_file() or not file.resolve().is_relative_to(folder):
            raise ExportError(f"{where} keeps weights in {name!r}: put that file beside it, or save it as one file.")
        total += file.stat().st_size
    if total > MAX_MODEL_BYTES:
        raise ExportError(f"{where} has more than {MAX_MODEL_BYTES >> 20} MiB of weights: no detector needs that.")
    if outside:
        try:
            load_external_data_for_model(model, os.fspath(folder))
        except Exception as error:  # the checker's own error, ValueError, OSError
            said = " ".join(str(error).split())[:200].rstrip(".")
            raise ExportError(
                f"{where} has weights in other files that cannot be read ({said}): save it anew."
            ) from error
    return bool(outside)


def _strip(model: onnx.ModelProto) -> None:
    """Without what does not compute: notes of the exporting machine, guesses of shapes, weights listed as inputs."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:], model.graph.value_info[:], model.metadata_props[:], model.graph.metadata_props[:]
    del model.graph.quantization_annotation[:]
    model.graph.input.extend(kept)
    model.doc_string = model.graph.doc_string = ""
    # Before version 4 of the file, a weight had to be an input as well.
    model.ir_version = max(model.ir_version, 4)
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]


def _opset(model: onnx.ModelProto, where: str) -> int:
    found = [entry.version for entry in model.opset_import if entry.domain in _STANDARD]
    if len(found) != 1 or not 1 <= found[0] <= 1000:
        raise ExportError(f"{where} does not say which ONNX operator set it uses: export it again.")
    return found[0]


def _converted(model: onnx.ModelProto, wanted: int, where: str) -> onnx.ModelProto:
    try:
        return version_converter.convert_version(model, wanted)
    except Exception as error:  # the converter's own error, and whatever its C++ raises
        if _opset(model, where) < wanted:
            said = " ".join(str(error).split())[:200].rstrip(".")
            raise ExportError(
                f"{where} uses an old ONNX operator set that cannot be converted ({said}): "
                f"export it with one from {OLDEST} to {NEWEST_OPSET}."
            ) from error
    # The newest sets mostly added number types, for which the converter has no step down. Written as the
    # older set, the checks see operators that it lacks, and the caller compares what both compute.
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for entry in copy.opset_import:
        if entry.domain in _STANDARD:
            entry.version = wanted
    return copy


def _picture_input(model: onnx.ModelProto, where: str) -> ValueInfoProto:
    inputs = list(model.graph.input)
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)[:200]
        raise ExportError(f"{where} has {len(inputs)} inputs ({names}): only a model of one picture can be wrapped.")
    kind = inputs[0].type.tensor_type
    if kind.elem_type not in _INPUTS or len(kind.shape.dim) != 4:
        raise ExportError(
            f"{where} takes {helper.printable_type(inputs[0].type)[:80]}: only pictures with four axes "
            "(batch, channels, height, width, or channels last) of numbers can be wrapped."
        )
    return inputs[0]


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """The whole-number constants by name."""
    known = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.data_type == TensorProto.INT64}
    for node in graph.node:
        if node.op_type == "Constant" and (value := _value_of(node)) is not None:
            known[node.output[0]] = value
    return known


def _value_of(node: NodeProto) -> np.ndarray | None:
    for attribute in node.attribute:
        if attribute.name == "value" and attribute.t.data_type == TensorProto.INT64:
            return numpy_helper.to_array(attribute.t)
        if attribute.name == "value_ints":
            return np.array(attribute.ints, np.int64)
    return None
