"""``unmask export CHECKPOINT --out PACKAGE``: a detector package of a network that ``unmask train run`` trained.

``unmask export wrap``, ``variants`` and ``triton`` are commands of their own: see ``OTHERS``.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import positive, whole

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.engines.package import DetectorPackage

#: First word -> (module with ``add_arguments`` and ``run``, one line of help). Any other word is a checkpoint.
OTHERS = {
    "wrap": ("unmask.cli.export_wrap", "make a package of anybody's frame classifier in ONNX"),
    "variants": ("unmask.cli.export_variants", "add FP16 and INT8 encoders to a package, through the parity gate"),
    "triton": ("unmask.cli.export_triton", "write a model repository for Triton or MLServer of a package"),
}
PRECISIONS = ("fp32", "fp16", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    _divert(parser)
    parser.epilog = (
        "unmask export wrap MODEL.onnx makes a package of somebody else's classifier, unmask export variants DETECTOR "
        "adds precisions, unmask export triton DETECTOR DIR writes a model repository: see their --help."
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="the folder of a run, or its best.pt")
    parser.add_argument("--out", metavar="PACKAGE", type=Path, required=True, help="folder of the package")
    parser.add_argument("--replace", action="store_true", help="write a package anew that is there already")
    group = parser.add_argument_group("what it says of itself")
    group.add_argument("--name", help="the detector's name (default: the name of its folder)")
    group.add_argument("--version", default="0.1.0", help="three numbers (default 0.1.0)")
    group.add_argument("--description", help="one sentence (default: the recipe's)")
    group.add_argument("--licence", help="of the weights (default: not stated)")
    group.add_argument(
        "--learnt-from", metavar="WORDS", action="append", help="what it was trained on; may be repeated"
    )
    _add_data(parser.add_argument_group("labelled crops of people that it did not learn from"))
    _add_window(parser.add_argument_group("crops and windows"))
    group = parser.add_argument_group("further files")
    group.add_argument(
        "--precision",
        metavar="LIST",
        type=_precisions,
        default=("fp32",),
        help="fp32, and after a comma fp16 and int8; each must pass the parity gate on --data (default fp32)",
    )
    group.add_argument("--engine", choices=("tensorrt",), help="also build this GPU's plan into the cache")
    group.add_argument("--max-batch", metavar="N", type=whole, default=16, help="of the plan (default 16)")
    group.add_argument("--triton", metavar="DIR", type=Path, help="also write a model repository for Triton")


def _add_data(group: Any) -> None:
    group.add_argument(
        "--data",
        metavar="CROPS",
        type=Path,
        help="a folder with index.csv and tars of crops, or an npz with crops, labels and groups; without it the "
        "package has no calibration, and its thresholds were set for no false-alarm rate",
    )
    group.add_argument("--most", metavar="N", type=whole, default=2000, help="use about N pictures (default 2000)")


def _add_window(group: Any) -> None:
    group.add_argument(
        "--margin", type=positive, help="side of a crop in units of the face box (default: the recipe's)"
    )
    group.add_argument("--window", metavar="N", type=whole, help="frames of a window (default: the recipe's, or 16)")
    group.add_argument(
        "--stride-ms", metavar="MS", type=whole, default=125, help="time between its frames (default 125)"
    )
    group.add_argument("--min-frames", metavar="N", type=whole, help="frames that a score needs (default: half)")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from unmask.engines.errors import UnmaskError
    from unmask.export.description import UNSTATED
    from unmask.export.exporter import ExportOptions, export_checkpoint

    console = Console(markup=False, highlight=False)
    for precision in args.precision if args.triton is not None else ():
        _check_free(_triton_folder(args, precision) / (args.name or args.out.resolve().name))
    options = ExportOptions(
        checkpoint=args.checkpoint,
        out=args.out,
        name=args.name,
        version=args.version,
        description=args.description,
        margin=args.margin,
        frames=args.window,
        stride_ms=args.stride_ms,
        min_frames=args.min_frames,
        data=args.data,
        most=args.most,
        licence=args.licence or UNSTATED,
        learnt_from=tuple(args.learnt_from or (UNSTATED,)),
        precisions=args.precision,
        replace=args.replace,
    )
    package, refused = export_checkpoint(options, lambda line: console.print(line, soft_wrap=True))
    console.print(f"wrote {package.folder} ({package.manifest.name} {package.manifest.version})", soft_wrap=True)
    problems = list(refused)
    for asked, step in ((args.triton, _write_triton), (args.engine, _build_plan)):
        try:
            if asked is not None:
                step(package, args, console)
        except UnmaskError as error:  # the other step is still done, and nothing that went wrong is swallowed
            problems.append(str(error))
    if problems:
        raise UnmaskError(" ".join(problems))
    return 0


def _divert(parser: argparse.ArgumentParser) -> None:
    """``export wrap ...`` goes to a parser of its own: its arguments are others than a checkpoint's."""
    parse = parser.parse_known_args

    def parse_known_args(args: Any = None, namespace: Any = None) -> Any:
        words: list[str] = list(args or ())
        if not words or words[0] not in OTHERS:
            _refuse_slip(parser, words[:1])
            return parse(args, namespace)
        name, (module, summary) = words[0], OTHERS[words[0]]
        loaded = importlib.import_module(module)
        other = type(parser)(prog=f"{parser.prog} {name}", description=summary.capitalize() + ".")
        loaded.add_arguments(other)
        other.set_defaults(run=loaded.run)
        return other.parse_known_args(words[1:], namespace)

    parser.parse_known_args = parse_known_args


def _refuse_slip(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """What is nearly one of the other commands would be taken for a checkpoint."""
    near = difflib.get_close_matches(words[0], OTHERS, n=1, cutoff=0.7) if words else []
    if near and not Path(words[0]).exists():
        parser.error(f"there is no checkpoint {words[0]!r} (did you mean {near[0]}?)")


def _precisions(text: str) -> tuple[str, ...]:
    """An argparse type: ``fp32,fp16`` and so on."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    unknown = next((word for word in words if word not in PRECISIONS), None)
    if unknown is not None:
        raise argparse.ArgumentTypeError(f"{unknown!r} is no precision, choose from {', '.join(PRECISIONS)}")
    return words


def _triton_folder(args: argparse.Namespace, precision: str) -> Path:
    """A server has one model of a name: the other precisions lie in folders of their own."""
    given = args.triton.resolve()  # "." has no name
    return args.triton if precision == "fp32" else given.with_name(f"{given.name}-{precision}")


def _check_free(folder: Path) -> None:
    """Said before the export takes its minutes; writing it checks again."""
    from unmask.engines.errors import UsageError

    if folder.exists() or folder.is_symlink():
        raise UsageError(f"There is a folder {folder} already: remove it, or give another place for --triton.")


def _write_triton(package: DetectorPackage, args: argparse.Namespace, console: Console) -> None:
    from unmask.export.triton import write_triton_repository

    for precision in ("fp32", *package.manifest.files.variants):
        written = write_triton_repository(package, _triton_folder(args, precision), precision=precision)
        console.print(f"wrote {written}, a model repository for Triton", soft_wrap=True)


def _build_plan(package: DetectorPackage, args: argparse.Namespace, console: Console) -> None:
    """Opening the engine builds its plan into the cache, or finds it there."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from unmask.engines.build_progress import BuildProgress, listening
    from unmask.engines.options import EngineOptions
    from unmask.engines.registry import open_engine

    for precision in ("fp32", *package.manifest.files.variants):
        path, sha256 = package.encoder_file(precision)
        options = EngineOptions(sha256=sha256, max_batch=args.max_batch)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(f"{args.engine} {precision}", total=1.0)

            def show(step: BuildProgress, bar: Progress = bar, task: Any = task) -> None:
                bar.update(task, completed=step.share, description=f"{args.engine}: {step.phase}"[:60])

            with listening(show), open_engine(args.engine, path, options) as engine:
                provider = engine.provider
        console.print(f"the {precision} plan is in the cache: {provider}", soft_wrap=True)
