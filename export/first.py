"""Export the first detector: ``python -m unmask.export.first --material DATA --run RUN --out FOLDER``.

Takes the best checkpoint of ``unmask.training.first``, exports it, calibrates it on the people that its
training held out, measures it on the validation split through the exported files, and writes the package.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from unmask.export.subjects import SUBJECTS, Subject
from unmask.training.calibrate import Platt, fit_platt
from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE, CropCache, open_cache
from unmask.training.data.codec import LIGHT
from unmask.training.data.dfdc import read_index
from unmask.training.evaluate import Floats, auroc, bootstrap
from unmask.training.first import by_key
from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2

LENGTH = 16
#: Which share of the genuine validation crops may score over the threshold of each false-alarm budget.
#: A choice, not a measurement: no footage here is long enough to measure such rates.
BUDGETS = {1.0: 0.02, 0.1: 0.005, 0.01: 0.001}
#: How much AUROC a smaller face may cost before it is not judged at all.
TOLERATED_LOSS = 0.05


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


def load_checkpoint(run: Path, weights: Path | None) -> tuple[MobileNetV2, dict[str, Any]]:
    """The best checkpoint of a run, or other ``weights``, and the facts of the run that held people out."""
    weights = weights or run / "best.pt"
    for path in (weights, run / "run.json"):
        if not path.is_file():
            raise ExportError(f"There is no {path.name} in {path.parent}: give the folder that training wrote.")
    model = MobileNetV2()
    model.load_state_dict(torch.load(weights, weights_only=True))
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


def smallest_crop(
    exported: Exported, validation: Crops, size: int, best: float, subject: Subject, command: str
) -> tuple[int, list[Metric]]:
    """The smallest crop side in pixels that costs at most ``TOLERATED_LOSS``, and the AUROC at each side."""
    metrics: list[Metric] = []
    smallest = SIDE
    usable = True
    for side in subject.sides:
        found = measure.logits(exported.encoder, exported.head, validation, size, measure.smaller(side))
        value = bootstrap(auroc, validation.labels, found, validation.groups)
        metrics.append(measure.metric(f"AUROC, crop of {side} px", value, subject.validation, command))
        usable = usable and value.value >= best - TOLERATED_LOSS
        if usable:
            smallest = side
    return smallest, metrics


def robustness(exported: Exported, validation: Crops, size: int, subject: Subject, command: str) -> list[Metric]:
    """AUROC on validation crops that were made worse."""
    metrics: list[Metric] = []
    for name, degrade in subject.degradations.items():
        found = measure.logits(exported.encoder, exported.head, validation, size, degrade)
        value = bootstrap(auroc, validation.labels, found, validation.groups)
        metrics.append(measure.metric(f"AUROC, {name}", value, subject.validation, command))
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


def quality(validation: Crops, size: int, smallest: int, margin: float) -> Quality:
    """Gates at the edges of what it knows: the outer half percent of validation in sharpness and in light,
    the latter widened by the light of the augmentation."""
    looks = measure.looks(validation, size)
    low, high = np.quantile(looks.brightness, [0.005, 0.995])
    return Quality(
        min_face_px=float(round(smallest / margin)),
        min_sharpness=round(float(np.quantile(looks.sharpness, 0.005)), 1),
        min_brightness=round(float(low) * LIGHT[0], 1),
        max_brightness=round(min(255.0, float(high) * LIGHT[1]), 1),
    )


def build(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model, facts = load_checkpoint(options.run, options.weights)
    size = options.size or int(facts["size"])
    subject = SUBJECTS[options.subject]
    cache = options.cache or options.run / "cache"
    records = read_index(options.material / "data" / "dfdc")
    train, val = (_widened(open_cache(cache / f"dfdc-{split}"), subject) for split in ("train", "val"))
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
    subject = SUBJECTS[options.subject]
    command = subject.command(options.subject)
    metrics = measure.report(validation, scores, alarms[0].score, subject.validation, command)
    print("\n".join(f"{m.name}: {m.value} [{m.low}, {m.high}]" for m in metrics), flush=True)
    smallest, by_side = smallest_crop(exported, validation, size, metrics[0].value, subject, command)
    metrics += by_side + robustness(exported, validation, size, subject, command)
    return Manifest(
        format=1,
        name=options.name,
        version=options.version,
        description=subject.description,
        files=Files(encoder=model_file(ENCODER, exported.encoder_bytes), head=model_file(HEAD, exported.head_bytes)),
        input=Input(size=size, colour="rgb"),
        crop=Crop(margin=subject.margin, align="none"),
        embedding=EMBEDDING,
        window=Window(length=LENGTH, stride_ms=125, max_gap_ms=600, min_frames=8),
        single_image=True,
        calibration=_calibration(platt, calibration),
        thresholds=alarms,
        quality=quality(validation, size, smallest, subject.margin),
        provenance=Provenance(
            data=subject.data(facts),
            licence=subject.licence,
            trained_with=subject.trained_with,
            metrics=tuple(metrics),
            limits=subject.limits,
        ),
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


class _Widened:
    """The pictures of a cache as a subject sees them, each made when it is first asked for."""

    def __init__(self, pixels: Any, subject: Subject) -> None:
        self._pixels, self._widen = pixels, subject.widen
        self._made: dict[int, Any] = {}

    def __getitem__(self, position: int) -> Any:
        if position not in self._made:
            self._made[position] = self._widen(np.asarray(self._pixels[position]))
        return self._made[position]


def _widened(cache: CropCache, subject: Subject) -> CropCache:
    return dataclasses.replace(cache, pixels=_Widened(cache.pixels, subject))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unmask.export.first", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc")
    parser.add_argument("--run", type=Path, required=True, help="run folder of unmask.training.first")
    parser.add_argument("--subject", choices=tuple(SUBJECTS), default="first", help="which network it is")
    parser.add_argument("--weights", type=Path, help="weights of a later training (default: RUN/best.pt)")
    parser.add_argument("--size", type=int, help="side of its crops in pixels (default: as in RUN)")
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
