"""Arguments that several commands share, and what is built from them."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.engines.options import EngineOptions, Precision
    from unmask.engines.package import DetectorPackage
    from unmask.realtime.detector import Detector
    from unmask.realtime.faces.registry import FaceFinderSettings
    from unmask.realtime.need import NeedSettings

DEFAULT_DETECTOR = "unmask-lite"

_LONGEST_NUMBER = 12

#: As in ``unmask.engines.options``, which the help should not have to load.
PRECISIONS = ("fp32", "fp16", "int8")


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
    group.add_argument(
        "--alarms-per-hour",
        metavar="N",
        type=positive,
        default=1.0,
        help="the false alarms you accept per hour: sets the threshold (default 1)",
    )
    add_engine_arguments(parser, precisions=(*PRECISIONS, "auto"))


def add_engine_arguments(parser: argparse.ArgumentParser, *, precisions: Iterable[str] = PRECISIONS) -> None:
    group = parser.add_argument_group("engine")
    group.add_argument(
        "--engine",
        metavar="NAME",
        default="auto",
        help="what runs the detector, see `unmask engines` (default auto: the fastest measured one)",
    )
    group.add_argument(
        "--precision",
        choices=tuple(precisions),
        default="fp32",
        help="which encoder of the package, see `unmask detectors show` (default fp32)",
    )
    group.add_argument("--engine-threads", metavar="N", type=whole, default=1, help="threads in one call (default 1)")
    group.add_argument(
        "--device",
        metavar="NAME",
        type=word,
        help="the number of a GPU, or CPU, GPU, NPU for OpenVINO (default: the usual one)",
    )
    group.add_argument("--server", metavar="HOST:PORT", help="the server that --engine remote asks")
    group.add_argument(
        "--remote-model", metavar="NAME", type=word, help="what the server calls the model (default: its name)"
    )
    group.add_argument(
        "--deadline", metavar="SECONDS", type=positive, help="how long one call to the server may take (default 0.5)"
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
        # By a mark of its own: the first of the two may have named the default.
        given = f"{self.dest}_is_given"
        if hasattr(namespace, given):
            parser.error(f"{self.option_strings[0]} is given twice; only `unmask scan` takes several detectors")
        setattr(namespace, given, True)
        setattr(namespace, self.dest, value)


def engine_options(args: argparse.Namespace) -> EngineOptions:
    """What ``add_engine_arguments`` was given. Raises ``UsageError`` for options that do not go together."""
    from unmask.engines.options import EngineOptions

    if args.engine == "remote" and args.server is None:
        raise UsageError("--engine remote asks a server: give its --server HOST:PORT.")
    for option, value in (
        ("--server", args.server),
        ("--remote-model", args.remote_model),
        ("--deadline", args.deadline),
    ):
        if value is not None and args.engine != "remote":
            raise UsageError(f"{option} is for a server: give --engine remote too.")
    options = EngineOptions(
        threads=args.engine_threads, device=args.device, server=args.server, remote_model=args.remote_model
    )
    return options if args.deadline is None else dataclasses.replace(options, deadline_s=args.deadline)


def tell(line: str) -> None:
    """One line to the terminal, beside what a command writes to its output."""
    print(line, file=sys.stderr)


def open_detector(
    name: str,
    engine: str,
    *,
    precision: str = "fp32",
    options: EngineOptions | None = None,
    say: Callable[[str], None] = tell,
) -> Detector:
    """Load, check and open a detector package. The caller closes it.

    ``say`` hears which engine and precision ``auto`` came to stand for, and why. Raises what
    ``Detector.open`` raises.
    """
    from unmask.cli.build_bar import build_bar
    from unmask.engines.options import EngineOptions
    from unmask.engines.package import find_package, load_package
    from unmask.engines.registry import require_engine
    from unmask.realtime.detector import Detector

    require_engine(engine)
    package = load_package(find_package(name))
    options = options or EngineOptions()
    with build_bar():
        if engine == "auto":
            engine = choose_engine(package, precision, options, say)
        return Detector.open(package, engine, precision=_precision(package, precision, engine, say), options=options)


def choose_engine(package: DetectorPackage, precision: str, options: EngineOptions, say: Callable[[str], None]) -> str:
    """What ``--engine auto`` stands for with this package; said aloud with the reason."""
    from unmask.engines.choice import choose

    settled: Precision = "fp32" if precision == "auto" else cast("Precision", precision)
    path, sha256 = package.encoder_file(settled)
    choice = choose(path, sha256, options, precision=settled, say=say)
    say(f"Engine {choice.engine}: {choice.reason}.")
    return choice.engine


def _precision(package: DetectorPackage, asked: str, engine: str, say: Callable[[str], None]) -> Precision:
    if asked != "auto":
        return cast("Precision", asked)
    from unmask.engines.choice import pick_precision

    precision, reason = pick_precision(package.manifest, engine)
    say(f"Precision {precision}: {reason}.")
    return precision


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


def require_there(path: Path, remedy: str) -> None:
    """Raise ``UsageError``, with the ``remedy`` ("give the folder with ..."), where there is nothing at ``path``."""
    if not path.exists():
        raise UsageError(f"There is nothing at {path}: {remedy}.")


def positive(text: str) -> float:
    """An argparse type: a number above zero."""
    value = _number(text, "a number above 0")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def share(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    value = _number(text, "a number from 0 to 1")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return value


def whole(text: str) -> int:
    """An argparse type: a whole number above zero."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def natural(text: str) -> int:
    """An argparse type: a whole number from 0 on."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 on")
    return int(text)


def number(text: str) -> float:
    """An argparse type: any finite number."""
    value = _number(text, "a number")
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return value


def word(text: str) -> str:
    """An argparse type: a name, which an empty variable of a script is not."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not {what}") from None


def need_of(args: argparse.Namespace) -> NeedSettings | None:
    """How settled faces are scored less often; ``None`` for never."""
    from unmask.realtime.need import NeedSettings

    return None if args.score_always else NeedSettings()
