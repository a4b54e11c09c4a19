"""Does an ONNX graph fit the manifest that names it? Parses the bytes, runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unmask.engines.errors import PackageError
from unmask.engines.manifest import Manifest

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

#: Operator sets that every supported ONNX Runtime (1.20 and later) reads.
OLDEST_OPSET = 11
NEWEST_OPSET = 21

_STANDARD_DOMAINS = ("", "ai.onnx")

#: One axis: a size, or None for one that must be dynamic, or a tuple of what is allowed.
_Axis = int | None | tuple[int | None, ...]
_Signature = dict[str, tuple[str, tuple[_Axis, ...]]]


def metadata_of(manifest: Manifest, role: str) -> dict[str, str]:
    """What a graph repeats of its manifest in its ONNX metadata. ``role`` is ``encoder`` or ``head``."""
    return {
        "unmask.name": manifest.name,
        "unmask.version": manifest.version,
        "unmask.role": role,
        "unmask.size": str(manifest.input.size),
        "unmask.colour": manifest.input.colour,
        "unmask.embedding": str(manifest.embedding),
    }


def check_graph(raw: bytes, role: str, manifest: Manifest, where: str) -> None:
    """Raise ``PackageError`` unless ``raw`` is a self-contained ONNX graph that plays ``role``.

    Self-contained: standard operators only, no weights in other files. ``where`` names the file in
    messages. Inputs, outputs and metadata must agree with the manifest.
    """
    model = _parse(raw, where)
    _check_operators(model, where)
    _check_weights_inside(model, where)
    _check_metadata(model, role, manifest, where)
    wanted_inputs, wanted_outputs = _signatures(role, manifest)
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    _check_values(inputs, wanted_inputs, "input", where)
    _check_values(list(model.graph.output), wanted_outputs, "output", where)


def _signatures(role: str, manifest: Manifest) -> tuple[_Signature, _Signature]:
    size, depth = manifest.input.size, manifest.embedding
    logit: _Signature = {"logit": ("FLOAT", (None,))}
    if role == "head":
        time: _Axis = (None, manifest.window.length)
        return {"window": ("FLOAT", (None, time, depth)), "mask": ("FLOAT", (None, time))}, logit
    outputs: _Signature = {"embedding": ("FLOAT", (None, depth)), **logit}
    if (cells := manifest.activation) is not None:
        outputs["activation"] = ("FLOAT", (None, cells.rows, cells.columns))
    return {"crops": ("UINT8", (None, size, size, 3))}, outputs


def _parse(raw: bytes, where: str) -> ModelProto:
    import onnx  # a tenth of a second: only where a package is read
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(raw)
    except DecodeError as error:
        raise PackageError(
            f"{where} is no readable ONNX graph (damaged or cut off): install the detector again."
        ) from error
    if not model.graph.node:
        raise PackageError(f"{where} holds no ONNX graph: install the detector again.")
    return model


def _check_operators(model: ModelProto, where: str) -> None:
    opset = next((entry.version for entry in model.opset_import if entry.domain in _STANDARD_DOMAINS), 0)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise PackageError(
            f"{where} uses ONNX operator set {opset}: export it with one from {OLDEST_OPSET} to {NEWEST_OPSET}."
        )
    if model.functions:
        raise PackageError(
            f"{where} defines operators of its own ({model.functions[0].name}): export it with them inlined."
        )
    for node in _nodes(model.graph):
        if node.domain not in _STANDARD_DOMAINS:
            raise PackageError(
                f"{where} needs the operator {node.domain}.{node.op_type}, which is not standard ONNX: "
                "export it with standard operators."
            )


def _check_weights_inside(model: ModelProto, where: str) -> None:
    from onnx import TensorProto

    for tensor in _tensors(model.graph):
        if tensor.external_data or tensor.data_location == TensorProto.EXTERNAL:
            raise PackageError(f"{where} keeps the weight {tensor.name!r} in another file: export it as one file.")


def _check_metadata(model: ModelProto, role: str, manifest: Manifest, where: str) -> None:
    found = {entry.key: entry.value for entry in model.metadata_props}
    for key, wanted in metadata_of(manifest, role).items():
        if key not in found:
            raise PackageError(f"{where} lacks the metadata {key}: export the detector again.")
        if found[key] != wanted:
            raise PackageError(
                f"{where} says {key} is {found[key]!r}, the manifest says {wanted!r}: export the detector again."
            )


def _check_values(values: list[ValueInfoProto], wanted: _Signature, kind: str, where: str) -> None:
    names = sorted(value.name for value in values)
    if names != sorted(wanted):
        raise PackageError(f"{where} has the {kind}s {names}, it needs {sorted(wanted)}: export it with these names.")
    for value in values:
        dtype, axes = wanted[value.name]
        have_dtype, have_axes = _describe(value)
        fits = have_dtype == dtype and have_axes is not None and len(have_axes) == len(axes)
        fits = fits and all(map(_axis_fits, have_axes or (), axes))
        if not fits:
            raise PackageError(
                f"{where} has the {kind} {value.name} as {_shown(have_dtype, have_axes)}, it needs "
                f"{_shown(dtype, axes)}: export it so, or correct the manifest."
            )


def _describe(value: ValueInfoProto) -> tuple[str, tuple[int | None, ...] | None]:
    from onnx import TensorProto

    kind = value.type.tensor_type
    try:
        dtype = TensorProto.DataType.Name(kind.elem_type)
    except ValueError:
        dtype = f"type {kind.elem_type}"
    if not kind.HasField("shape"):
        return dtype, None
    return dtype, tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim)


def _axis_fits(have: int | None, want: _Axis) -> bool:
    return have in want if isinstance(want, tuple) else have == want


def _shown(dtype: str, axes: tuple[_Axis, ...] | None) -> str:
    def one(axis: _Axis) -> str:
        if isinstance(axis, tuple):
            return " or ".join(map(one, axis))
        return "dynamic" if axis is None else str(axis)

    return f"{dtype.lower()}({'unknown shape' if axes is None else ', '.join(map(one, axes))})"


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of ``graph`` and of every branch and loop body inside it."""
    for node in graph.node:
        yield node
        for inner in _bodies(node):
            yield from _nodes(inner)


def _bodies(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("sparse_tensor"):
                yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)
        for inner in _bodies(node):
            yield from _tensors(inner)
