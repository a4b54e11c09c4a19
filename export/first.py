"""Export the shipped detector: ``python -m unmask.export.first --material DATA --run RUN --out FOLDER``.

Takes the best checkpoint of ``unmask.training.first`` or of an experiment, exports it, calibrates it on the people
that its training held out and on those that validate (how well is reckoned crosswise), measures it on the validation
split through the exported files, and writes the package.
The steps are those of ``exporter``; what differs is who calibrates, and how much is measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from unmask.engines.errors import ends_with_a_sentence
from unmask.engines.manifest import Crop, Files, Input, Manifest, Provenance, Window
from unmask.export import fitting, measure
from unmask.export.card import card
from unmask.export.description import activation_of, versions
from unmask.export.fitting import Bench
from unmask.export.measure import Crops, Opened
from unmask.export.onnx_export import Graphs, export_graphs, frame_network
from unmask.export.package_writer import ENCODER, HEAD, ExportError, model_file, write_package
from unmask.export.parity import check_parity
from unmask.export.subjects import SUBJECTS, Subject
from unmask.training.calibrate import cross_fitted
from unmask.training.data.cache import CropCache, open_cache
from unmask.training.data.dfdc import read_index
from unmask.training.first import by_key
from unmask.training.models.mobilenet_v2 import EMBEDDING, MobileNetV2

LENGTH = 16


def load_checkpoint(run: Path, weights: Path | None) -> tuple[MobileNetV2, dict[str, Any]]:
    """The best checkpoint of a run, or other ``weights``, and the facts of the run that held people out."""
    weights = weights or run / "best.pt"
    for path in (weights, run / "run.json"):
        if not path.is_file():
            raise ExportError(f"There is no {path.name} in {path.parent}: give the folder that training wrote.")
    model = MobileNetV2()
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval(), json.loads((run / "run.json").read_text(encoding="utf-8"))


def build(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model, facts = load_checkpoint(options.run, options.weights)
    size = options.size or int(facts["size"])
    subject = SUBJECTS[options.subject]
    calibration, validation = _people(options, subject, set(facts["held_out_groups"]))
    network = frame_network(model, size, LENGTH)
    graphs = export_graphs(network, options.name, options.version)
    with measure.opened(graphs.encoder, graphs.head, size) as running:
        crops = validation.views(validation.rows[:16], size)
        print(check_parity(network, running.encoder, running.head, crops).sentence(), flush=True)
        manifest = describe(options, graphs, running, calibration, validation, facts)
    write_package(options.out, manifest, graphs.encoder, graphs.head, card=card(manifest))
    print(f"wrote {options.out}")


def _people(options: argparse.Namespace, subject: Subject, held: set[str]) -> tuple[Crops, Crops]:
    """The crops of those that training held out, and of those that validate, as the subject sees them."""
    cache = options.cache or options.run / "cache"
    records = read_index(options.material / "data" / "dfdc")
    train, val = (_widened(open_cache(cache / f"dfdc-{split}"), subject) for split in ("train", "val"))
    out_of_train = by_key(train, [r for r in records if r.split == "train" and r.group in held])
    of_val = by_key(val, [r for r in records if r.split == "val"])
    return measure.crops_of(train.pixels, train.names, out_of_train), measure.crops_of(val.pixels, val.names, of_val)


def describe(
    options: argparse.Namespace,
    graphs: Graphs,
    running: Opened,
    calibration: Crops,
    validation: Crops,
    facts: dict[str, Any],
) -> Manifest:
    """Calibrate, measure, and put it all into a manifest."""
    subject = SUBJECTS[options.subject]
    found, seen = measure.logits(running, validation), measure.logits(running, calibration)
    fake, logits = np.append(calibration.labels, validation.labels), np.append(seen, found)
    people = len(np.unique(np.append(calibration.groups, validation.groups)))
    words = f"{len(fake)} single DFDC crops of {people} identity groups that training did not see"
    platt, entry = fitting.calibrated(fake, logits, words)
    scores = platt.apply(found)
    unseen = cross_fitted(validation.labels, found, validation.groups, more=(calibration.labels, seen))
    measure.save_scores(options.run / "validation_scores.csv", validation, scores)
    alarms = fitting.thresholds(scores[~validation.labels])
    bench = Bench(running, validation, subject.validation, subject.command(options.subject))
    metrics = measure.report(validation, scores, unseen, alarms[0].score, bench.data, bench.command)
    print("\n".join(f"{m.name}: {m.value} [{m.low}, {m.high}]" for m in metrics), flush=True)
    smallest, by_side = fitting.smallest_crop(bench, subject.sides, metrics[0].value)
    brightest, by_light = fitting.brightest(bench, metrics[0].value)
    metrics += by_side + by_light + fitting.robustness(bench, subject.degradations)
    return Manifest(
        format=1,
        name=options.name,
        version=options.version,
        description=subject.description,
        files=Files(encoder=model_file(ENCODER, graphs.encoder), head=model_file(HEAD, graphs.head)),
        input=Input(size=running.size, colour="rgb"),
        crop=Crop(margin=subject.margin, align="none"),
        embedding=EMBEDDING,
        window=Window(length=LENGTH, stride_ms=125, max_gap_ms=600, min_frames=8),
        single_image=True,
        activation=activation_of(graphs),
        calibration=entry,
        thresholds=alarms,
        quality=fitting.quality(validation, running.size, smallest, subject.margin, brightest),
        provenance=Provenance(
            data=subject.data(facts),
            licence=subject.licence,
            trained_with=subject.trained_with,
            metrics=tuple(metrics),
            limits=subject.limits,
        ),
        exported_with=versions(),
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


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
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
    build(parser.parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
