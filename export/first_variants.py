"""Encoders of other precisions for the shipped detector: ``python -m unmask.export.first_variants PACKAGE ...``.

Ranges are found on crops of people it learnt from; the parity gate judges on the validation crops, against the
network in torch. What fails the gate is left out and says why.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from unmask.engines.errors import ends_with_a_sentence
from unmask.export.first import LENGTH, load_checkpoint
from unmask.export.gate import reference_of_engines
from unmask.export.measure import Crops
from unmask.export.network_engine import opened_network
from unmask.export.onnx_export import frame_network
from unmask.export.subjects import SUBJECTS, Subject
from unmask.export.variants import Material, VariantName, add_variants
from unmask.training.data.cache import open_cache
from unmask.training.data.dfdc import CropRecord, read_index
from unmask.training.first import by_key

#: How many crops the ranges are found on.
CALIBRATION = 256


def material(options: argparse.Namespace, subject: Subject, held: set[str], command: str) -> Material:
    """All validation crops for the gate, and behind them crops of people it learnt from for the ranges."""
    cache = options.cache or options.run / "cache"
    records = read_index(options.material / "data" / "dfdc")
    val, train = (open_cache(cache / f"dfdc-{split}") for split in ("val", "train"))
    shown = by_key(val, [record for record in records if record.split == "val"])
    learnt = by_key(train, [record for record in records if record.split == "train" and record.group not in held])
    drawn = np.random.default_rng(0).choice(len(learnt), CALIBRATION, replace=False)
    behind = [learnt[int(number)] for number in sorted(drawn)]
    pixels = np.stack(
        [
            subject.widen(np.asarray(cache.pixels[row]))
            for cache, rows in ((val, shown), (train, behind))
            for row, _ in rows
        ]
    )
    both: list[CropRecord] = [record for _, record in (*shown, *behind)]
    crops = Crops(
        pixels,
        tuple(record.key for record in both),
        tuple((row,) for row in range(len(shown))),
        np.asarray([record.fake for _, record in shown]),
        np.asarray([record.group for _, record in shown]),
    )
    return Material(crops, tuple(range(len(shown), len(both))), subject.validation, command)


def build(options: argparse.Namespace) -> int:
    """The number of precisions that were left out."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model, facts = load_checkpoint(options.run, options.weights)
    size = options.size or int(facts["size"])
    subject = SUBJECTS[options.subject]
    command = subject.command(options.subject).replace("export.first ", "export.first_variants detectors/unmask-lite ")
    given = material(options, subject, set(facts["held_out_groups"]), command.partition(" --out ")[0])
    print("the network in torch judges the validation crops ...", flush=True)
    reference = reference_of_engines(
        opened_network(frame_network(model, size, LENGTH)), given.crops, f"torch {torch.__version__}, eager FP32"
    )
    _, made = add_variants(
        options.package, options.precision, given, reference=reference, log=lambda line: print(line, flush=True)
    )
    for one in made:
        print(one.sentence)
    return sum(not one.passed for one in made)


def precisions(text: str) -> tuple[VariantName, ...]:
    """An argparse type: ``fp16,int8``."""
    known: tuple[VariantName, ...] = ("fp16", "int8")
    names = text.split(",")
    if not set(names) <= set(known):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of fp16 and int8")
    return tuple(name for name in known if name in names)


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unmask.export.first_variants", description=__doc__)
    parser.add_argument("package", type=Path, help="the package, which gets the variants")
    parser.add_argument("--material", type=Path, required=True, help="folder with data/dfdc")
    parser.add_argument("--run", type=Path, required=True, help="run folder of unmask.training.first")
    parser.add_argument("--subject", choices=tuple(SUBJECTS), default="first", help="which network it is")
    parser.add_argument("--weights", type=Path, help="weights of a later training (default: RUN/best.pt)")
    parser.add_argument("--size", type=int, help="side of its crops in pixels (default: as in RUN)")
    parser.add_argument("--cache", type=Path, help="folder of decoded crops (default: RUN/cache)")
    parser.add_argument("--precision", type=precisions, default=("fp16", "int8"), help="default fp16,int8")
    return 2 if build(parser.parse_args(argv)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
