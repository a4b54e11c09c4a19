"""What a wrap was told, what it decided, and how both are put into words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unmask.export.package_writer import ExportError
from unmask.export.wrap_graph import Activation, Colour, Layout, Preprocess, Range, Readout

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
Origin = Literal["given", "probed", "measured", "assumed"]


@dataclass(frozen=True, slots=True)
class WrapOptions:
    """What the user said; ``None`` is "find out, measure, or assume and say so".

    ``fake_class`` and ``real_class``: columns of the output, one of the two. ``mean`` and ``std`` are in units
    of ``range``. ``real`` and ``fake``: folders of cut faces that the open choices are measured on;
    ``calibrate``: a folder with such folders ``real`` and ``fake``, for Platt scaling.
    """

    model: Path
    out: Path
    layout: Layout | None = None
    range: Range | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    colour: Colour | None = None
    size: int | None = None
    margin: float | None = None
    output: str | None = None
    activation: Activation | None = None
    fake_class: tuple[int, ...] | None = None
    real_class: tuple[int, ...] | None = None
    embedding: str | None = None
    window: int = 16
    threshold: float | None = None
    name: str | None = None
    version: str = "0.1.0"
    licence: str | None = None
    data: tuple[str, ...] = ()
    real: Path | None = None
    fake: Path | None = None
    calibrate: Path | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision. ``why`` is empty where ``origin`` says all."""

    name: str
    value: str
    origin: Origin
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.value} ({self.origin}{': ' + self.why if self.why else ''})"


def check_options(options: WrapOptions) -> None:
    """Raise ``ExportError`` for options that contradict each other, before anything is read."""
    for name, values in (("--mean", options.mean), ("--std", options.std)):
        if values is not None and len(values) != 3:
            raise ExportError(f"{name} takes three numbers, it was given {len(values)}: write them as a,b,c.")
        if values is not None and not all(map(math.isfinite, values)):
            raise ExportError(f"{name} was given {values}, which are not all numbers: write them as a,b,c.")
    if (options.mean is None) != (options.std is None):
        raise ExportError("--mean and --std belong together: give both or neither.")
    if options.std is not None and min(options.std) <= 0:
        raise ExportError("--std divides: all three numbers must be over 0.")
    if options.range is None and max((*(options.mean or ()), *(options.std or ())), default=0.0) > 1:
        raise ExportError("--mean and --std over 1 are not of the range 0-1: say with --range which one they are of.")
    if options.fake_class is not None and options.real_class is not None:
        raise ExportError("--fake-class and --real-class say the same thing: give one of them.")
    if (options.real is None) != (options.fake is None):
        raise ExportError("--real and --fake belong together: give a folder of pictures for each.")
    if not 1 <= options.window <= 16:
        raise ExportError(f"--window {options.window} is not a number of frames from 1 to 16.")
    if options.threshold is not None and not 0.1 < options.threshold <= 1.0:
        raise ExportError(f"--threshold {options.threshold:g} is not a score over 0.1 and up to 1.")


def sides_of(options: WrapOptions, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The columns that mean fake and those that mean genuine; class 1 where nothing was said, or the one number.

    Raises ``ExportError`` for a class that is not there, or where nothing is left for the other side.
    """
    given = options.fake_class if options.fake_class is not None else options.real_class
    named = tuple(sorted(set(given))) if given is not None else (min(1, count - 1),)
    if not named or not all(0 <= one < count for one in named):
        raise ExportError(f"There is no class {', '.join(map(str, named))}: the model has 0 to {count - 1}.")
    rest = tuple(one for one in range(count) if one not in named)
    if count > 1 and not rest:
        raise ExportError("Every class cannot mean the same: leave at least one for the other side.")
    return (rest, named) if options.real_class is not None else (named, rest)


def pixels_shown(pre: Preprocess) -> str:
    if pre.dtype == "uint8":
        return "bytes, as they are"
    if (pre.mean, pre.std) == PLAIN:
        return f"{pre.range}, no mean and std"
    named = " of ImageNet" if (pre.mean, pre.std) == IMAGENET else ""
    mean, std = (",".join(f"{value:g}" for value in values) for values in (pre.mean, pre.std))
    return f"{pre.range}, mean {mean} and std {std}{named}"


def side_shown(readout: Readout) -> str:
    if readout.count == 1:
        return "its number grows with " + ("fake" if readout.fake else "genuine")
    return f"class {' and '.join(map(str, readout.fake))} of {readout.count}"
