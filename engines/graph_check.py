"""Does an ONNX graph fit the manifest that names it? Parses the bytes, runs nothing.

What looking cannot tell, and no check here promises:

- what the network computes: one that was taught to call a certain face genuine looks like any other;
- how long a run takes and how much memory it needs: twenty small nodes can ask for a terabyte
  (``Expand``, ``Tile``, ``Concat`` of a value with itself). Only loops that need not end are refused;
- whether outputs have the shape that they declare, are finite, the same twice, and the same in a batch:
  ``unmask.engines.verify`` runs the graph for that;
- faults in the parser of protobuf, of ONNX or of the runtime: a graph that is well formed reaches them all.

So a package from a stranger is still a program from a stranger: the checks turn accidents and clumsy
attacks into a sentence, they are no sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from unmask.engines.errors import PackageError
from unmask.engines.graph_limits import check_limits
from unmask.engines.graph_weights import check_weight
from unmask.engines.manifest import Manifest

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

#: Operator sets that every supported ONNX Runtime (1.20 and later) reads.
OLDEST_OPSET = 11
NEWEST_OPSET = 21
#: Of the file itself: version 3 is the first that these operator sets may stand in.
OLDEST_IR = 3
NEWEST_IR = 10
#: Standard operators that no detector may use, and why.
REFUSED = {
    "Loop": "may never end",
    "ImageDecoder": "decodes files",
    "RegexFullMatch": "works on text",
    "StringConcat": "works on text",
    "StringNormalizer": "works on text",
    "StringSplit": "works on text",
    "TfIdfVectorizer": "works on text",
}
MAX_NAME = 1000

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
    model = read_graph(raw, where)
    check_operators(model, where)
    check_weights(model, where)
    _check_metadata(model, role, manifest, where)
    wanted_inputs, wanted_outputs = _signatures(role, manifest)
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    _check_values(inputs, wanted_inputs, "input", where)
    _check_values(list(model.graph.output), wanted_outputs, "output", where)
    check_wiring(raw, where)


def read_graph(raw: bytes, where: str) -> ModelProto:
    """Parse ``raw``, within the limits of ``graph_limits`` and with names that may be shown.

    Raises ``PackageError``; what the graph holds is not judged yet.
    """
    check_limits(raw, where)
    model = _parse(raw, where)
    _check_names(model, where)
    return model


def check_operators(model: ModelProto, where: str) -> None:
    """Raise ``PackageError`` unless every node is a standard operator of a supported set, none of ``REFUSED``."""
    _check_opset(model, where)
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
        if node.op_type in REFUSED:
            raise PackageError(
                f"{where} uses the operator {node.op_type}, which {REFUSED[node.op_type]}: export it without."
            )


def check_wiring(raw: bytes, where: str) -> None:
    """Raise ``PackageError`` unless every value is made once and before it is used, every operator exists in
    the operator set, and its attributes are of the right kind. For bytes that passed the other checks."""
    from onnx import checker

    try:
        checker.check_model(raw)
    except Exception as error:  # the checker's own error, and whatever its C++ raises
        said = " ".join(str(error).split("\n\n")[0].split()).removeprefix("[ShapeInferenceError] ").rstrip(".")
        raise PackageError(f"{where} is no valid ONNX graph ({said[:200]}): export it again.") from error


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
        raise PackageError(f"{where} is no readable ONNX graph (damaged or cut off): get it again.") from error
    if not model.graph.node:
        raise PackageError(f"{where} holds no ONNX graph: get it again.")
    return model


def _check_names(model: ModelProto, where: str) -> None:
    """Names end up in messages, and in a terminal an escape sequence is a command."""
    # A name that is no UTF-8 comes as bytes.
    bad = next((n for n in _names(model) if not isinstance(n, str) or len(n) > MAX_NAME or not n.isprintable()), None)
    if bad is not None:
        raise PackageError(
            f"{where} has the name {bad[:40]!r}, which is too long or holds control characters: export it again."
        )


def _names(model: ModelProto) -> Iterator[str | bytes]:
    yield from (entry.domain for entry in model.opset_import)
    yield from (name for entry in model.metadata_props for name in (entry.key, entry.value))
    yield from (name for function in model.functions for name in (function.domain, function.name))
    yield from (value.name for value in (*model.graph.input, *model.graph.output))
    for node in _nodes(model.graph):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    yield from (tensor.name for tensor, _ in _tensors(model.graph))


def _check_opset(model: ModelProto, where: str) -> None:
    standard = [entry.version for entry in model.opset_import if entry.domain in _STANDARD_DOMAINS]
    opset = standard[0] if len(standard) == 1 else 0
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        shown = opset if len(standard) < 2 else " and ".join(map(str, standard[:3]))
        raise PackageError(
            f"{where} uses ONNX operator set {shown}: export it with one from {OLDEST_OPSET} to {NEWEST_OPSET}."
        )
    if not OLDEST_IR <= model.ir_version <= NEWEST_IR:
        raise PackageError(
            f"{where} is an ONNX file of version {model.ir_version}: write it as one from {OLDEST_IR} to {NEWEST_IR}."
        )


def check_weights(model: ModelProto, where: str) -> None:
    """Raise ``PackageError`` unless every weight is dense, of numbers, whole, and inside the file."""
    if model.training_info:
        raise PackageError(f"{where} holds a training step: export it for inference.")
    for tensor, sparse in _tensors(model.graph):
        if sparse:
            raise PackageError(f"{where} has sparse weights, which not every runtime reads: export them as dense.")
        check_weight(tensor, where)


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


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """``graph`` and every branch and body inside it; ``check_limits`` has bounded how deep they lie."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graphs(inner)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for one in _graphs(graph):
        yield from one.node


def _tensors(graph: GraphProto) -> Iterator[tuple[TensorProto, bool]]:
    """Every weight and constant, and whether it is part of a sparse one."""
    for one in _graphs(graph):
        yield from ((tensor, False) for tensor in one.initializer)
        yield from ((tensor, True) for sparse in one.sparse_initializer for tensor in _parts(sparse))
        for node in one.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t, False
                yield from ((tensor, False) for tensor in attribute.tensors)
                sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
                yield from ((tensor, True) for each in (*sparse, *attribute.sparse_tensors) for tensor in _parts(each))


def _parts(sparse: Any) -> tuple[TensorProto, TensorProto]:
    return sparse.values, sparse.indices
