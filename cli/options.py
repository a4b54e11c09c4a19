"""Arguments that several commands share, and what is built from them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.realtime.detector import Detector
    from unmask.realtime.faces.registry import FaceFinderSettings

DEFAULT_DETECTOR = "unmask-lite"


def add_detector_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    group = parser.add_argument_group("detector")
    group.add_argument(
        "--detector",
        metavar="NAME",
        action="append" if several else _Once,
        default=None if several else DEFAULT_DETECTOR,
        help=f"a detector package by name or folder (default {DEFAULT_DETECTOR})"
        + ("; give it several times for an ensemble" if several else ""),
    )
    group.add_argument("--engine", metavar="NAME", default="auto", help="see `unmask engines` (default auto)")
    group.add_argument(
        "--alarms-per-hour",
        metavar="N",
        type=positive,
        default=1.0,
        help="the false alarms you accept per hour: sets the threshold (default 1)",
    )


def add_face_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("faces")
    group.add_argument(
        "--face-finder", choices=("auto", "scrfd", "yunet", "cascade"), default="auto", help="default auto"
    )
    group.add_argument(
        "--face-model", metavar="PATH", type=Path, help="an SCRFD or YuNet ONNX file (also UNMASK_FACE_MODEL)"
    )
    group.add_argument(
        "--face-size",
        metavar="PX",
        default="auto",
        help="input size of the face finder: auto, 320, 640 (default auto)",
    )
    group.add_argument(
        "--face-confidence",
        metavar="C",
        type=share,
        default=0.5,
        help="faces below it are ignored, 0..1 (default 0.5)",
    )


class _Once(argparse.Action):
    """Refuses an option that is given twice, where the last one would win without a word."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, *_: object) -> None:
        if getattr(namespace, self.dest) != self.default:
            parser.error(f"{self.option_strings[0]} is given twice; only `unmask scan` takes several detectors")
        setattr(namespace, self.dest, value)


def open_detector(name: str, engine: str) -> Detector:
    """Load, check and open a detector package. The caller closes it."""
    from unmask.engines.package import find_package, load_package
    from unmask.realtime.detector import Detector

    return Detector.open(load_package(find_package(name)), engine)


def face_settings(args: argparse.Namespace) -> FaceFinderSettings:
    from unmask.realtime.faces.registry import FaceFinderSettings

    size = args.face_size
    if size != "auto":
        if not size.isdecimal():
            raise UsageError(f"--face-size {size} does not work: give auto or a number of pixels such as 640.")
        size = int(size)
    return FaceFinderSettings(
        kind=args.face_finder, model=args.face_model, input_size=size, min_confidence=args.face_confidence
    )


def refuse_writing_over(target: Path, inputs: Iterable[str]) -> None:
    """Raise ``UsageError`` where ``target`` is one of the files that are looked at."""
    for name in inputs:
        try:
            same = target.samefile(Path(name).expanduser())
        except (OSError, ValueError, RuntimeError):  # one of them is no file, or not there yet
            continue
        if same:
            raise UsageError(f"{target} is what you want looked at and would be written over: give another file.")


def positive(text: str) -> float:
    """An argparse type: a number above zero."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def share(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
