"""Does a weight in an ONNX graph hold what it claims? No more memory is asked for than the file's own bytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unmask.engines.errors import PackageError

if TYPE_CHECKING:
    from onnx import TensorProto

#: Bits of an element, and the field for elements that are listed one by one (raw bytes are the usual way).
_TYPES = {
    "FLOAT": (32, "float_data"),
    "DOUBLE": (64, "double_data"),
    "FLOAT16": (16, "int32_data"),
    "BFLOAT16": (16, "int32_data"),
    "BOOL": (8, "int32_data"),
    "INT8": (8, "int32_data"),
    "UINT8": (8, "int32_data"),
    "INT16": (16, "int32_data"),
    "UINT16": (16, "int32_data"),
    "INT32": (32, "int32_data"),
    "INT64": (64, "int64_data"),
    "UINT32": (32, "uint64_data"),
    "UINT64": (64, "uint64_data"),
    "FLOAT8E4M3FN": (8, "int32_data"),
    "FLOAT8E5M2": (8, "int32_data"),
    "INT4": (4, "int32_data"),
    "UINT4": (4, "int32_data"),
}
MAX_AXES = 16
_LISTS = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")


def check_weight(tensor: TensorProto, where: str) -> None:
    """Raise ``PackageError`` unless ``tensor`` is of numbers, lies in this file, and holds as many as it claims.

    ``where`` names the file in messages.
    """
    from onnx import TensorProto

    name = tensor.name[:80]
    if tensor.external_data or tensor.data_location != TensorProto.DEFAULT:
        raise PackageError(f"{where} keeps the weight {name!r} in another file: export it as one file.")
    try:
        kind = TensorProto.DataType.Name(tensor.data_type)
    except ValueError:
        kind = f"type {tensor.data_type}"
    if kind not in _TYPES:
        raise PackageError(f"{where} has the weight {name!r} of {kind.lower()}: only numbers are read.")
    wanted, given = _bytes(tensor, kind)
    if wanted != given:
        shape = ", ".join(map(str, tensor.dims[:8]))
        raise PackageError(
            f"{where} has the weight {name!r} as {kind.lower()}({shape}), but {given} for it: "
            "the file is damaged or made to mislead, install the detector again."
        )


def _bytes(tensor: TensorProto, kind: str) -> tuple[str, str]:
    """What ``tensor`` must hold and what it holds, in the same words when they agree."""
    bits, field = _TYPES[kind]
    listed = {name: len(getattr(tensor, name)) for name in _LISTS}
    if len(tensor.dims) > MAX_AXES or any(size < 0 for size in tensor.dims):
        return "a shape", "no such shape"
    count = math.prod(tensor.dims)
    if tensor.HasField("segment") or any(size for name, size in listed.items() if name != field):
        return "one list", "values of another kind"
    if tensor.HasField("raw_data"):
        if listed[field]:
            return "one list", "its values twice"
        return f"{-(-count * bits // 8)} bytes", f"{len(tensor.raw_data)} bytes"
    # Two numbers of four bits share an entry.
    return f"{count if bits > 4 else -(-count // 2)} values", f"{listed[field]} values"
