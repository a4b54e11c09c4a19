"""From the checkpoint of ``unmask train run`` to a detector package: what ``unmask export`` does."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from unmask.engines.manifest import Manifest
from unmask.engines.options import Precision
from unmask.engines.package import DetectorPackage
from unmask.engines.verify import verify_package
from unmask.export import fitting, measure
from unmask.export.card import card
from unmask.export.checkpoint import Trained, read_checkpoint, require_libraries, zoo_network
from unmask.export.description import UNSTATED, Facts, Fitted, describe
from unmask.export.fitting import Bench
from unmask.export.gate import reference_of_engines
from unmask.export.labelled import Labelled, Wanted, read_labelled
from unmask.export.measure import Opened
from unmask.export.package_writer import ExportError, check_target, write_package
from unmask.export.variants import Made, Material, VariantName, make_variants, with_variants

if TYPE_CHECKING:
    from unmask.export.onnx_export import Graphs, Network

Log = Callable[[str], None]

_PARITY_CROPS = 16
#: Sides in pixels that crops are shrunk to, to find the smallest face that may be judged.
SIDES = (128, 96, 80, 64)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """``data`` is a folder with ``index.csv`` or an npz of labelled crops (see ``labelled``), of which about ``most``
    pictures are used; ``name`` is the out folder's by default, ``margin`` and ``frames`` (of a window) the recipe's,
    ``min_frames`` half a window. ``learnt_from`` and ``licence`` are what the package states."""

    checkpoint: Path
    out: Path
    name: str | None = None
    version: str = "0.1.0"
    description: str | None = None
    margin: float | None = None
    frames: int | None = None
    stride_ms: int = 125
    min_frames: int | None = None
    data: Path | None = None
    most: int = 2000
    licence: str = UNSTATED
    learnt_from: tuple[str, ...] = (UNSTATED,)
    precisions: tuple[Precision, ...] = ("fp32",)
    replace: bool = False

    @property
    def detector(self) -> str:
        return self.name or self.out.resolve().name

    @property
    def command(self) -> str:
        """What reproduces the package's numbers; RUN and CROPS stand for folders of whoever tries."""
        words = ["unmask export RUN", f"--out {self.detector}", f"--version {self.version}", "--data CROPS"]
        for option, value in (("margin", self.margin), ("window", self.frames), ("min-frames", self.min_frames)):
            words += [] if value is None else [f"--{option} {value:g}"]
        return " ".join([*words, f"--most {self.most}"])


def export_checkpoint(options: ExportOptions, log: Log) -> tuple[DetectorPackage, tuple[str, ...]]:
    """Export, compare with the network, calibrate and measure, and write the package: whole, or not at all.

    Returns it, and a sentence for each asked precision that the parity gate refused. ``log`` is told each step.
    Raises ``UnmaskError``.
    """
    _check(options)
    from unmask.export.onnx_export import Graphs, export_graphs

    cv2.setNumThreads(1)
    trained = read_checkpoint(options.checkpoint)
    log(f"{trained.recipe.name}: {trained.recipe.summary}" + (f" ({trained.validated})" if trained.validated else ""))
    network = zoo_network(trained, options.frames)
    facts = _facts(options, trained, network.length)
    _manifest(facts, trained, Graphs(b"", b"", None), network, None)  # what cannot be stated is refused before the work
    with tempfile.TemporaryDirectory(prefix="unmask-export-") as scratch, ExitStack() as stack:
        labelled = _data(options, facts, trained, network.length, Path(scratch), log)
        log("exporting the encoder and the head")
        graphs = export_graphs(network, options.detector, options.version)
        running = stack.enter_context(measure.opened(graphs.encoder, graphs.head, network.size))
        _compare(network, running, labelled, log)
        fitted = None if labelled is None else _fit(options, facts, running, labelled, log)
        manifest = _manifest(facts, trained, graphs, network, fitted)
        made = _variants(options, network, graphs, manifest, labelled, log)
        manifest, variants = with_variants(manifest, made)
        package = write_package(
            options.out,
            manifest,
            graphs.encoder,
            graphs.head,
            variants=variants,
            card=card(manifest),
            check=lambda written: _verify(written, log),
        )
    return package, tuple(one.sentence for one in made if not one.passed)


def _check(options: ExportOptions) -> None:
    """What can be refused before anything takes time."""
    require_libraries()
    check_target(options.out, replace=options.replace)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", options.detector):
        raise ExportError(f"{options.detector!r} is no name for a detector: use small letters, digits and dashes.")
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", options.version):
        raise ExportError(f"{options.version!r} is no version: give three numbers, as in 1.0.0.")
    if "fp32" not in options.precisions:
        raise ExportError("A package always holds the FP32 encoder: give --precision fp32,fp16 and so on.")
    if len(options.precisions) > 1 and options.data is None:
        raise ExportError("FP16 and INT8 are let in after a comparison on real crops: give them with --data.")


def _facts(options: ExportOptions, trained: Trained, length: int) -> Facts:
    least = options.min_frames or max(1, length // 2)
    if least > length:
        raise ExportError(f"A window of {length} frames cannot need {least} of them: lower --min-frames.")
    if trained.recipe.input.arrays and options.margin is None:
        raise ExportError(
            "The network learnt from arrays, which do not say how far they reach: give --margin, what "
            "`unmask train prepare --npz` cut them with."
        )
    return Facts(
        name=options.detector,
        version=options.version,
        description=options.description or trained.recipe.summary,
        margin=options.margin or trained.recipe.input.margin,
        stride_ms=options.stride_ms,
        min_frames=least,
        licence=options.licence,
        learnt_from=options.learnt_from,
    )


def _manifest(facts: Facts, trained: Trained, graphs: Graphs, network: Network, fitted: Fitted | None) -> Manifest:
    try:
        return describe(facts, trained, graphs, network, fitted)
    except ValidationError as error:
        raise ExportError(_complaint(error)) from error


def _data(
    options: ExportOptions, facts: Facts, trained: Trained, length: int, scratch: Path, log: Log
) -> Labelled | None:
    if options.data is None:
        log("no labelled crops: the package will have no calibration, and thresholds set for no false-alarm rate")
        return None
    recipe = trained.recipe
    wanted = Wanted(
        margin=facts.margin,
        said=options.margin is not None,
        frames=length if trained.temporal else 1,
        least=facts.min_frames if trained.temporal else 1,
        most=options.most,
        seed=recipe.training.seed,
        calibrates=len(options.precisions) > 1,
        arrays=recipe.input.arrays and trained.temporal,
    )
    labelled = read_labelled(options.data, wanted, scratch)
    crops = labelled.validation
    people = len(np.unique(crops.groups))
    log(f"{len(crops.labels)} {labelled.unit} of {people} people to calibrate and measure with: {labelled.words}")
    return labelled


def _compare(network: Network, running: Opened, labelled: Labelled | None, log: Log) -> None:
    """Noise is always among the crops that the files must agree on with the network, real crops where given."""
    size = network.size
    crops: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    if labelled is not None:
        shown = labelled.validation.views(labelled.validation.rows[:_PARITY_CROPS], size)
        crops = np.concatenate([crops, shown])
    from unmask.export.parity import check_parity

    log(check_parity(network, running.encoder, running.head, crops).sentence())


def _fit(options: ExportOptions, facts: Facts, running: Opened, labelled: Labelled, log: Log) -> Fitted:
    """Calibration, thresholds, gates and metrics from the labelled crops."""
    crops = labelled.validation
    people = len(np.unique(crops.groups))
    found = measure.logits(running, crops)
    words = f"{len(crops.labels)} {labelled.unit} of {people} identity groups: {labelled.words}"
    platt, calibration = fitting.calibrated(crops.labels, found, words)
    scores = platt.apply(found)
    bench = Bench(running, crops, labelled.words, options.command)
    try:
        metrics = measure.measured(measure.RANKING, crops, scores, labelled.words, options.command)
        log("\n".join(f"{m.name}: {m.value} [{m.low}, {m.high}]" for m in metrics))
        sides = [side for side in SIDES if side < running.size]
        log(f"measuring smaller faces: crops of {', '.join(map(str, sides))} px")
        smallest, by_side = fitting.smallest_crop(bench, sides, metrics[0].value)
        log("measuring faces in more light")
        brightest, by_light = fitting.brightest(bench, metrics[0].value)
    except ValueError as error:  # too few people to resample
        raise ExportError(
            f"The detector cannot be measured on {labelled.words}: {str(error).rstrip('.')}; give more people."
        ) from error
    quality = fitting.quality(crops, running.size, smallest, facts.margin, brightest)
    alarms = fitting.thresholds(scores[~crops.labels], labelled.unit)
    return Fitted(calibration, alarms, quality, (*metrics, *by_side, *by_light), labelled.unit)


def _variants(
    options: ExportOptions,
    network: Network,
    graphs: Graphs,
    manifest: Manifest,
    labelled: Labelled | None,
    log: Log,
) -> list[Made]:
    """The asked precisions, each compared with the network in torch on the validation crops."""
    asked: list[VariantName] = [name for name in ("fp16", "int8") if name in options.precisions]
    if not asked or labelled is None:
        return []
    import torch

    from unmask.export.network_engine import opened_network

    crops = labelled.validation
    log(f"asking the network in torch about {len(crops.labels)} {labelled.unit}, for the parity gate")
    against = f"the network in torch {torch.__version__}, FP32"
    reference = reference_of_engines(opened_network(network), crops, against)
    command = f"{options.command} --precision {','.join(options.precisions)}"
    material = Material(crops, labelled.calibration, labelled.words, command)
    return make_variants(graphs.encoder, graphs.head, manifest, asked, material, reference=reference, log=log)


def _verify(package: DetectorPackage, log: Log) -> None:
    """As `unmask detectors verify` does, before the package is put in its place."""
    verified = verify_package(package.folder, "ort-cpu")
    log(f"verified: {verified.encode_ms:.1f} ms a crop, in a batch {verified.batch_difference:.1e} off")


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the manifest"
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"No package can be written so: {where}: {reason[:1].lower()}{reason[1:]}."
