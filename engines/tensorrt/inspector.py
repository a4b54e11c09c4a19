"""What TensorRT's engine inspector says of the layers that it built: in which precision each one runs.

The JSON differs between versions and engines. Version 10 writes ``Format/Datatype`` beside each tensor, 11
splits it in two fields; with a dynamic batch the type of a tensor may be "N/A due to dynamic shapes", and then
only the type of the weights or the kernel's name tells. What nothing tells is counted as unknown, never as
FP32. (NVIDIA, "Migrating IEngineInspector Usage from TensorRT 10.x to 11.x".)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from unmask.engines.errors import EngineError
from unmask.engines.options import Precision

_TENSORS = ("Inputs", "Outputs")
_PARAMETERS = ("Weights", "Bias")
_TYPE_FIELDS = ("format/datatype", "datatype", "format", "type")
_WORDS: dict[Precision, re.Pattern[str]] = {
    "int8": re.compile(r"\b(int8|i8)\b", re.IGNORECASE),
    "fp16": re.compile(r"\b(half|fp16|float16)\b", re.IGNORECASE),
    "fp32": re.compile(r"\b(float|fp32|float32)\b", re.IGNORECASE),
}
#: How kernels are named, as in sm80_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc; bf16bf16 is not f16f16.
_KERNELS: dict[Precision, re.Pattern[str]] = {
    "int8": re.compile(r"i8i8|i8i32|int8|imma", re.IGNORECASE),
    "fp16": re.compile(r"f16f16|(?<![a-z])fp16|hmma|_h\d{3,}", re.IGNORECASE),
    "fp32": re.compile(r"(?<!t)f32f32|sgemm|ffma|(?<![a-z])fp32", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class LayerReport:
    """Layers by what touches them. A layer with half and float tensors (a cast, say) counts as half."""

    total: int
    half: int
    int8: int
    float: int
    unknown: int

    @property
    def precision(self) -> Precision | None:
        """The lowest precision found; ``None`` where no layer tells."""
        if self.int8:
            return "int8"
        if self.half:
            return "fp16"
        return "fp32" if self.float else None

    def __str__(self) -> str:
        """Such as ``fp16, 37 half-precision layers of 41``."""
        counted = {"int8": f", {self.int8} INT8 layers", "fp16": f", {self.half} half-precision layers"}
        name = self.precision or "of unknown precision"
        return f"{name}{counted.get(name, ', 0 half-precision layers')} of {self.total}"


def read_report(text: str) -> LayerReport:
    """Read ``get_engine_information(JSON)``. Raises ``EngineError`` where there are no details to read."""
    try:
        layers = json.loads(text)["Layers"]
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(
            "TensorRT's engine inspector gave no list of layers, so the precision of the plan cannot be checked: "
            "use another version of TensorRT."
        ) from error
    kinds = [_kind(cast("dict[str, Any]", layer)) if isinstance(layer, dict) else None for layer in layers]
    return LayerReport(
        total=len(kinds),
        half=kinds.count("fp16"),
        int8=kinds.count("int8"),
        float=kinds.count("fp32"),
        unknown=kinds.count(None),
    )


def check_precision(report: LayerReport, wanted: Precision, where: str) -> None:
    """Raise ``EngineError`` unless the layers show the precision of the graph."""
    if report.precision == wanted:
        return
    if report.precision is None:
        found = f"its {report.total} layers do not tell their precision"
    else:
        found = f"its layers are {report}"
    raise EngineError(
        f"The TensorRT plan of {where} should be {wanted}, but {found}: "
        "it is not used; export the detector again, or use another version of TensorRT."
    )


def _kind(layer: dict[str, Any]) -> Precision | None:
    """The lowest precision of what the layer reads, writes or weighs; by its kernel's name if these are silent."""
    types = " ; ".join(_types(layer))
    for precision, words in _WORDS.items():
        if words.search(types):
            return precision
    kernel = str(layer.get("TacticName", ""))
    return next((precision for precision, words in _KERNELS.items() if words.search(kernel)), None)


def _types(layer: dict[str, Any]) -> Iterator[str]:
    for field in _TENSORS:
        tensors = layer.get(field)
        for tensor in cast("list[Any]", tensors) if isinstance(tensors, list) else ():
            yield from _named(tensor)
    for field in _PARAMETERS:
        yield from _named(layer.get(field))


def _named(entry: Any) -> Iterator[str]:
    if isinstance(entry, dict):
        for name, value in cast("dict[str, Any]", entry).items():
            if name.lower() in _TYPE_FIELDS and isinstance(value, str):
                yield value
