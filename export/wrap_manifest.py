"""The manifest of a wrapped classifier: nothing claimed that was not measured."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import onnxruntime

from unmask.engines.manifest import (
    Calibration,
    Crop,
    Files,
    Input,
    Manifest,
    ModelFile,
    Provenance,
    Threshold,
    Window,
)
from unmask.export.package_writer import ENCODER, HEAD, ExportError
from unmask.export.wrap_graph import Preprocess, Readout
from unmask.export.wrap_options import Choice, WrapOptions

MARGIN = 1.3
THRESHOLD = 0.9
_NONE = "0" * 64

_LIMITS = (
    "Wrapped from another project's file: how it was taught and how well it does was not measured here.",
    "Its thresholds were set by hand: no footage was watched, so no rate of false alarms is known.",
)


def manifest_of(
    options: WrapOptions,
    pre: Preprocess,
    readout: Readout,
    embedding: int,
    calibration: Calibration,
    choices: Sequence[Choice],
) -> Manifest:
    """The manifest with checksums of zeros, with every one of ``choices`` in it.

    Raises ``ExportError`` for a name, a size or a margin that no manifest may have.
    """
    limits = [*_LIMITS, *(f"Assumed, not checked: {c.name} {c.value}." for c in choices if c.origin == "assumed")]
    name = options.name or options.out.resolve().name
    try:
        return Manifest(
            format=1,
            name=name,
            version=options.version,
            description=f"A frame classifier of somebody else's, wrapped from {options.model.name}.",
            files=Files(encoder=ModelFile(path=ENCODER, sha256=_NONE), head=ModelFile(path=HEAD, sha256=_NONE)),
            input=Input(size=pre.size, colour=pre.colour),
            crop=Crop(margin=MARGIN if options.margin is None else options.margin, align="none"),
            embedding=embedding,
            window=Window(length=options.window, stride_ms=125, max_gap_ms=600, min_frames=min(8, options.window)),
            single_image=True,
            fake_class=readout.fake[0] if readout.fake else 0,
            calibration=calibration,
            thresholds=(
                Threshold(
                    score=THRESHOLD if options.threshold is None else options.threshold,
                    alarms_per_hour=1.0,
                    footage_hours=0.0,
                    alarms_seen=0,
                    footage="none: set by hand, nothing is proven",
                ),
            ),
            provenance=Provenance(
                data=options.data or ("not stated by whoever wrapped it",),
                licence=options.licence or "not stated",
                trained_with=f"unknown: {choices[0].value}",
                metrics=(),
                limits=tuple(limits),
            ),
            exported_with=_exported_with(choices),
        )
    except ValueError as error:  # pydantic's own error is one
        raise ExportError(f"The package cannot be described so: {_first(error)}.") from error


def _exported_with(choices: Sequence[Choice]) -> dict[str, str]:
    found = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    for choice in choices:
        key = f"wrap.{choice.name}"
        told = str(choice).removeprefix(f"{choice.name}: ")
        found[key] = f"{found[key]}; {told}" if key in found else told
    return found


def _first(error: ValueError) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'][:1].lower()}{first['msg'][1:]}".rstrip(".")[:300]
    return " ".join(str(error).split()).rstrip(".")[:300]
