"""Export the first detector: ``python -m unmask.export.first --material DATA --run RUN --out FOLDER``.

Takes the best checkpoint of ``unmask.training.first``, exports it, calibrates it on the people that its
training held out, measures it on the validation split through the exported files, and writes the package.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import torch

from unmask.engines.engine import Engine
from unmask.engines.errors import UnmaskError
from unmask.engines.manifest import (
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
from unmask.engines.registry import open_engine
from unmask.export import measure
from unmask.export.card import card
from unmask.export.measure import Crops
from unmask.export.onnx_export import check_parity, encoder_bytes, head_bytes
from unmask.export.package_writer import ENCODER, HEAD, ExportError, model_file, write_package
from unmask.training.calibrate import Platt, fit_platt
from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE, open_cache
from unmask.training.data.codec import LIGHT
from unmask.training.data.dfdc import read_index
from unmask.training.evaluate import Floats, auroc, bootstrap
from unmask.training.first import MARGIN, by_key
from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2

COMMAND = "python -m unmask.export.first --material DATA --run RUN --out detectors/unmask-lite"
VALIDATION = "DFDC face crops, split val (identity-disjoint)"
LENGTH = 16
#: Which share of the genuine validation crops may score over the threshold of each false-alarm budget.
#: A choice, not a measurement: no footage here is long enough to measure such rates.
BUDGETS = {1.0: 0.02, 0.1: 0.005, 0.01: 0.001}
#: How much AUROC a smaller face may cost before it is not judged at all.
TOLERATED_LOSS = 0.05
SIDES = (128, 96, 80, 64, 48, 40)


@dataclass(frozen=True, slots=True)
class Exported:
    """The two files, opened by the engine that live uses."""

    encoder_bytes: bytes
    head_bytes: bytes
    encoder: Engine
    head: Engine


def metadata(name: str, version: str, role: str, size: int) -> dict[str, str]:
    """What the graphs repeat of the manifest; the loader refuses a package where they disagree."""
    values = {
        "name": name,
        "version": version,
        "role": role,
        "size": size,
        "colour": "rgb",
        "embedding": EMBEDDING,
    }
    return {f"unmask.{key}": str(value) for key, value in values.items()}


def load_checkpoint(run: Path) -> tuple[MobileNetV2, dict[str, Any]]:
    """The best checkpoint of a run and the facts it was trained with."""
    for name in ("best.pt", "run.json"):
        if not (run / name).is_file():
            raise ExportError(f"There is no {name} in {run}: give the folder that unmask.training.first wrote.")
    model = MobileNetV2()
    model.load_state_dict(torch.load(run / "best.pt", weights_only=True))
    return model.eval(), json.loads((run / "run.json").read_text(encoding="utf-8"))


def export(model: MobileNetV2, name: str, version: str, size: int, scratch: Path, stack: ExitStack) -> Exported:
    """Export, open in ONNX Runtime, which ``stack`` closes. The files lie in ``scratch`` meanwhile."""
    encoder = encoder_bytes(model, size, metadata(name, version, "encoder", size))
    weight = model.classifier.weight.detach().numpy()[0]
    bias = float(model.classifier.bias.detach())
    head = head_bytes(weight, bias, LENGTH, metadata(name, version, "head", size))
    engines = []
    for file, content in ((ENCODER, encoder), (HEAD, head)):
        (scratch / file).write_bytes(content)
        engines.append(stack.enter_context(open_engine("ort-cpu", scratch / file)))
    return Exported(encoder, head, *engines)


def smallest_crop(exported: Exported, validation: Crops, size: int, best: float) -> tuple[int, list[Metric]]:
    """The smallest crop side in pixels that costs at most ``TOLERATED_LOSS``, and the AUROC at each side."""
    metrics: list[Metric] = []
    smallest = SIDE
    usable = True
    for side in SIDES:
        found = measure.logits(exported.encoder, exported.head, validation, size, measure.smaller(side))
        value = bootstrap(auroc, validation.labels, found, validation.groups)
        metrics.append(measure.metric(f"AUROC, crop of {side} px", value, VALIDATION, COMMAND))
        usable = usable and value.value >= best - TOLERATED_LOSS
        if usable:
            smallest = side
    return smallest, metrics


def robustness(exported: Exported, validation: Crops, size: int) -> list[Metric]:
    """AUROC on validation crops that were made worse."""
    metrics: list[Metric] = []
    for name, degrade in measure.DEGRADATIONS.items():
        found = measure.logits(exported.encoder, exported.head, validation, size, degrade)
        value = bootstrap(auroc, validation.labels, found, validation.groups)
        metrics.append(measure.metric(f"AUROC, {name}", value, VALIDATION, COMMAND))
    return metrics


def thresholds(genuine: Floats) -> tuple[Threshold, ...]:
    """Scores that the shares in ``BUDGETS`` of genuine validation crops exceed; no footage watched yet."""
    return tuple(
        Threshold(
            score=round(float(np.quantile(genuine, 1 - share, method="higher")), 4),
            alarms_per_hour=budget,
            footage_hours=0.0,
            alarms_seen=0,
            footage=f"none watched yet; {share:.1%} of {len(genuine)} genuine validation crops exceed this score",
        )
        for budget, share in BUDGETS.items()
    )


def quality(validation: Crops, size: int, smallest: int) -> Quality:
    """Gates at the edges of what it knows: the outer half percent of validation in sharpness and in light,
    the latter widened by the light of the augmentation."""
    looks = measure.looks(validation, size)
    low, high = np.quantile(looks.brightness, [0.005, 0.995])
    return Quality(
        min_face_px=float(round(smallest / MARGIN)),
        min_sharpness=round(float(np.quantile(looks.sharpness, 0.005)), 1),
        min_brightness=round(float(low) * LIGHT[0], 1),
        max_brightness=round(min(255.0, float(high) * LIGHT[1]), 1),
    )


def build(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model, facts = load_checkpoint(options.run)
    size = int(facts["size"])
    cache = options.cache or options.run / "cache"
    records = read_index(options.material / "data" / "dfdc")
    train, val = open_cache(cache / "dfdc-train"), open_cache(cache / "dfdc-val")
    held = set(facts["held_out_groups"])
    calibration = measure.crops_of(
        train.pixels, by_key(train, [r for r in records if r.split == "train" and r.group in held])
    )
    validation = measure.crops_of(val.pixels, by_key(val, [r for r in records if r.split == "val"]))
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        exported = export(model, options.name, options.version, size, Path(scratch), stack)
        views = np.stack([plain_view(np.asarray(val.pixels[i]), size) for i in validation.positions[:16]])
        parity = check_parity(model, exported.encoder.infer({"crops": views}), views)
        print(f"parity with the network: embedding {parity.embedding:.1e}, logit {parity.logit:.1e}", flush=True)
        manifest = describe(options, exported, calibration, validation, size, facts)
    write_package(options.out, manifest, exported.encoder_bytes, exported.head_bytes, card=card(manifest))
    print(f"wrote {options.out}")


def describe(
    options: argparse.Namespace,
    exported: Exported,
    calibration: Crops,
    validation: Crops,
    size: int,
    facts: dict[str, Any],
) -> Manifest:
    """Calibrate, measure, and put it all into a manifest."""
    platt = fit_platt(calibration.labels, measure.logits(exported.encoder, exported.head, calibration, size))
    scores = platt.apply(measure.logits(exported.encoder, exported.head, validation, size))
    measure.save_scores(options.run / "validation_scores.csv", validation, scores)
    alarms = thresholds(scores[~validation.labels])
    metrics = measure.report(validation, scores, alarms[0].score, VALIDATION, COMMAND)
    print("\n".join(f"{m.name}: {m.value} [{m.low}, {m.high}]" for m in metrics), flush=True)
    smallest, by_side = smallest_crop(exported, validation, size, metrics[0].value)
    metrics += by_side + robustness(exported, validation, size)
    return Manifest(
        format=1,
        name=options.name,
        version=options.version,
        description="MobileNetV2 on single face crops, its logit averaged over 16 frames; a first detector.",
        files=Files(encoder=model_file(ENCODER, exported.encoder_bytes), head=model_file(HEAD, exported.head_bytes)),
        input=Input(size=size, colour="rgb"),
        crop=Crop(margin=MARGIN, align="none"),
        embedding=EMBEDDING,
        window=Window(length=LENGTH, stride_ms=125, max_gap_ms=600, min_frames=8),
        single_image=True,
        calibration=_calibration(platt, calibration),
        thresholds=alarms,
        quality=quality(validation, size, smallest),
        provenance=_provenance(metrics, facts),
        exported_with={
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    )


def _calibration(platt: Platt, crops: Crops) -> Calibration:
    people = len(np.unique(crops.groups))
    return Calibration(
        method="platt",
        scale=round(platt.scale, 6),
        bias=round(platt.bias, 6),
        fitted_on=f"{len(crops.labels)} single DFDC crops of {people} identity groups held out of training",
    )


def _provenance(metrics: Sequence[Metric], facts: dict[str, Any]) -> Provenance:
    return Provenance(
        data=(
            f"DFDC face crops, split train without the {len(facts['held_out_groups'])} calibration groups",
            "LFW, one picture per person: real faces, and self-blended ones labelled fake",
            "starting weights: MobileNetV2 1.0 224, ImageNet (Apache-2.0)",
        ),
        licence="research and evaluation only (DFDC terms, LFW for research)",
        trained_with="python -m unmask.training.first --material DATA --out RUN",
        metrics=tuple(metrics),
        limits=LIMITS,
    )


LIMITS = (
    "learnt from DFDC crops only: swaps by other methods are not among its training data, and live face "
    "swapping is not expected to be found",
    "its crops are tight, so seams at the chin, forehead and hair are mostly outside of what it sees",
    "the live crop sits about 7 % of its side higher than the crops it learnt from",
    "calibrated on single pictures; the mean over a window is more certain than the score says",
    "the thresholds are quantiles of genuine validation crops: the false-alarm rates are intended, not proven",
    "the quality gates lie where validation ends: the outer half percent in sharpness and in brightness (widened "
    "by the augmentation's light), and the smallest crop that costs at most 5 points of AUROC when validation "
    "crops are shrunk to it",
    "the epoch was chosen on the validation split that the numbers are reported on",
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unmask.export.first", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc")
    parser.add_argument("--run", type=Path, required=True, help="run folder of unmask.training.first")
    parser.add_argument("--cache", type=Path, help="folder of decoded crops (default: RUN/cache)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the package; its name is the detector's")
    parser.add_argument("--name", default="unmask-lite")
    parser.add_argument("--version", default="0.1.0")
    try:
        build(parser.parse_args(argv))
    except UnmaskError as error:
        print(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
