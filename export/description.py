"""The manifest of an exported network: what was asked for, what the network is, what was found out."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unmask.engines.manifest import (
    Activation,
    Calibration,
    Crop,
    Files,
    Input,
    Manifest,
    Metric,
    Provenance,
    Quality,
    Threshold,
    Window,
)
from unmask.export.fitting import unfitted_thresholds
from unmask.export.package_writer import ENCODER, HEAD, model_file

if TYPE_CHECKING:
    from unmask.export.checkpoint import Trained
    from unmask.export.onnx_export import Graphs, Network

UNSTATED = "not stated by whoever exported it"
_UNJUDGED = (
    "exported without labelled crops: its score is no probability, its thresholds were set for no false-alarm rate, "
    "and nothing is known here of how good it is",
)
_JUDGED = (
    "the thresholds are quantiles of genuine validation {unit}: the false-alarm rates are intended, not proven",
    "the epoch, the calibration and the thresholds were chosen on the {unit} that the numbers are reported on; "
    "`unmask train evaluate` measures it on people that decided nothing",
)
_SPREAD = (
    "its windows were frames spread over whole videos; live they are {stride} ms apart, and so nothing was measured"
)
_SINGLE = "calibrated on single pictures; the mean over a window is more certain than the score says"


@dataclass(frozen=True, slots=True)
class Facts:
    """What whoever exports says of a package."""

    name: str
    version: str
    description: str
    margin: float
    stride_ms: int
    min_frames: int
    licence: str
    learnt_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the labelled crops told; ``unit`` is what was counted, crops or windows."""

    calibration: Calibration
    thresholds: tuple[Threshold, ...]
    quality: Quality
    metrics: tuple[Metric, ...]
    unit: str


def describe(facts: Facts, trained: Trained, graphs: Graphs, network: Network, fitted: Fitted | None) -> Manifest:
    """The manifest; without ``fitted`` one that claims nothing. Raises pydantic's ``ValidationError`` where what
    was asked for contradicts itself."""
    return Manifest(
        format=1,
        name=facts.name,
        version=facts.version,
        description=facts.description,
        files=Files(encoder=model_file(ENCODER, graphs.encoder), head=model_file(HEAD, graphs.head)),
        input=Input(size=network.size, colour="rgb"),
        crop=Crop(margin=facts.margin, align="none"),
        embedding=network.embedding,
        window=Window(
            length=network.length,
            stride_ms=facts.stride_ms,
            max_gap_ms=_longest_gap(facts.stride_ms),
            min_frames=facts.min_frames,
        ),
        single_image=not trained.temporal,
        activation=activation_of(graphs),
        calibration=fitted.calibration if fitted else Calibration(method="none"),
        thresholds=fitted.thresholds if fitted else unfitted_thresholds(),
        quality=fitted.quality if fitted else Quality(),
        provenance=Provenance(
            data=facts.learnt_from,
            licence=facts.licence,
            trained_with=_trained_with(trained),
            metrics=fitted.metrics if fitted else (),
            limits=_limits(trained, fitted, facts.stride_ms),
        ),
        exported_with=versions(),
    )


def _longest_gap(stride_ms: int) -> int:
    """Nearly five strides: what a face may be away for without the window starting anew."""
    return min(60_000, round(4.8 * stride_ms))


def activation_of(graphs: Graphs) -> Activation | None:
    """The manifest's entry for the encoder's third output."""
    return None if graphs.activation is None else Activation(rows=graphs.activation[0], columns=graphs.activation[1])


def versions(*more: str) -> dict[str, str]:
    """The versions of what exports, by the names of the packages."""
    return {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxruntime", *more)}


def _trained_with(trained: Trained) -> str:
    return f"unmask train run {trained.recipe.name}" + (f" ({trained.validated})" if trained.validated else "")


def _limits(trained: Trained, fitted: Fitted | None, stride_ms: int) -> tuple[str, ...]:
    limits = _UNJUDGED if fitted is None else tuple(limit.format(unit=fitted.unit) for limit in _JUDGED)
    if trained.temporal:
        return (*limits, _SPREAD.format(stride=stride_ms))
    return limits if fitted is None else (*limits, _SINGLE)
