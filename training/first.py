"""Train the first detector: ``python -m unmask.training.first --material DATA --out RUN``.

Supervised on labelled crops, with real faces and self-blended ones mixed in. ``--material`` names the
folder with ``data/dfdc``, ``data/lfw`` and ``models``; everything this writes goes below ``--out``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unmask.engines.errors import ends_with_a_sentence
from unmask.training.data.batches import Batch, Item, epoch_batches, plain_view, prefetched
from unmask.training.data.cache import SIDE, CropCache, build_cache, has_cache, open_cache
from unmask.training.data.dfdc import CropRecord, hold_out_groups, read_index, read_pictures
from unmask.training.data.lfw import cut_faces
from unmask.training.loop import Plan, Trainer
from unmask.training.models.mobilenet_v2 import MobileNetV2, load_imagenet

#: The side of a DFDC crop in units of the longer side of the live face detector's box: what the package
#: asks the live crop for. ``unmask.training.crop_fit`` measures 0.79 against LFW.
MARGIN = 0.8
#: LFW is cut a little wider, so that the augmentation moves within the picture.
WIDER_MARGIN = 0.84
HELD_OUT = 0.1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m unmask.training.first", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc, data/lfw and models")
    parser.add_argument("--out", type=Path, required=True, help="run folder; a run found there is continued")
    parser.add_argument("--cache", type=Path, help="folder for decoded crops (3 GB; default: OUT/cache)")
    parser.add_argument("--face-model", type=Path, help="SCRFD file that cuts LFW (default: the installed pack)")
    parser.add_argument("--size", type=int, default=160, help="side of the crops in pixels")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--blends", type=float, default=0.08, help="self-blended crops per labelled one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def prepare(material: Path, cache: Path, face_model: Path | None) -> None:
    """Decode the crops and cut the LFW faces into ``cache``, once."""
    records = read_index(material / "data" / "dfdc")
    for split in ("train", "val"):
        if not has_cache(cache / f"dfdc-{split}"):
            keys = [record.key for record in records if record.split == split]
            build_cache(cache / f"dfdc-{split}", read_pictures(material / "data" / "dfdc", keys), colour="bgr")
    if not has_cache(cache / "lfw"):
        from unmask.realtime.faces.crop import CropSpec
        from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder

        settings = FaceFinderSettings(kind="scrfd", model=face_model, input_size=320, refresh_every=1)
        finder = make_face_finder(settings, print)
        try:
            faces = cut_faces(material / "data" / "lfw", finder, CropSpec(SIDE, WIDER_MARGIN))
            build_cache(cache / "lfw", faces, colour="rgb")
        finally:
            finder.close()


def by_key(cache: CropCache, records: Sequence[CropRecord]) -> list[tuple[int, CropRecord]]:
    """The crops of ``cache`` that ``records`` describe, as ``(position, record)``."""
    known = {record.key: record for record in records}
    return [(position, known[name]) for position, name in enumerate(cache.names) if name in known]


def training_items(
    labelled: CropCache, records: Sequence[CropRecord], faces: CropCache, blends: float, seed: int
) -> list[Item]:
    """Labelled crops, as many LFW faces as blends, and blends of both kinds of real faces in equal parts."""
    rng = np.random.default_rng(seed)
    pairs = by_key(labelled, records)
    items = [Item(labelled.pixels, position, record.fake) for position, record in pairs]
    real = [position for position, record in pairs if not record.fake]
    count = int(blends * len(items))
    for pixels, positions in ((labelled.pixels, real), (faces.pixels, range(len(faces.names)))):
        chosen = rng.choice(np.asarray(positions), min(count // 2, len(positions)), replace=False)
        items += [Item(pixels, int(position), False, blend=True) for position in chosen]
    plain = rng.choice(len(faces.names), min(count, len(faces.names)), replace=False)
    return items + [Item(faces.pixels, int(position), False) for position in plain]


def validation_set(
    cache: CropCache, records: Sequence[CropRecord], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Unaltered crops uint8 (N, size, size, 3) and their labels float32 (N,)."""
    pairs = by_key(cache, records)
    crops = np.stack([plain_view(np.asarray(cache.pixels[position]), size) for position, _ in pairs])
    return crops, np.asarray([record.fake for _, record in pairs], np.float32)


def train(options: argparse.Namespace) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    cache = options.cache or options.out / "cache"
    prepare(options.material, cache, options.face_model)
    records = read_index(options.material / "data" / "dfdc")
    train_records = [record for record in records if record.split == "train"]
    held = hold_out_groups(train_records, HELD_OUT, options.seed)
    kept = [record for record in train_records if record.group not in held]
    items = training_items(
        open_cache(cache / "dfdc-train"), kept, open_cache(cache / "lfw"), options.blends, options.seed
    )
    validation = validation_set(open_cache(cache / "dfdc-val"), [r for r in records if r.split == "val"], options.size)

    model = MobileNetV2()
    load_imagenet(model, options.material / "models" / "mobilenet_v2_imagenet.npz")
    plan = Plan(options.epochs, len(items) // options.batch, options.rate)
    options.out.mkdir(parents=True, exist_ok=True)
    facts = {"size": options.size, "margin": MARGIN, "seed": options.seed, "blends": options.blends,
             "batch": options.batch, "held_out_groups": sorted(held), "items": len(items)}  # fmt: skip
    (options.out / "run.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    trainer = Trainer(model, plan, options.out, log=lambda line: print(line, flush=True), workers=options.threads)
    if trainer.resume():
        print(f"continuing after epoch {trainer.epoch}", flush=True)

    def batches(epoch: int) -> Iterator[Batch]:
        return prefetched(lambda: epoch_batches(items, options.size, options.batch, options.seed, epoch))

    print(f"{len(items)} crops per epoch, {len(validation[1])} to validate on", flush=True)
    trainer.fit(batches, validation)


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    train(arguments().parse_args(argv))


if __name__ == "__main__":
    raise SystemExit(main())
