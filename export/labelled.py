"""Labelled crops that an export calibrates, measures and quantises with: an index with tars, or an npz file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import UsageError
from unmask.export.measure import Crops
from unmask.training.data.batches import plain_view
from unmask.training.data.cache import SIDE, build_cache
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.index import PreparedCrop, read_prepared
from unmask.training.run.arrays import Arrays
from unmask.training.run.data import Sample, few, pictures, samples, split

_CLASSES = ("real", "fake")
#: Pictures that INT8 is calibrated with: more change the ranges little.
CALIBRATION_PICTURES = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """``margin`` of the crops; ``said`` where a person vouches for it, which crops without face boxes need.
    ``frames`` of a window, of which ``least`` must be there. At most about ``most`` pictures are read for the
    validation; ``seed`` holds people out and draws. ``calibrates``: INT8 or FP16 are asked for, which take their
    ranges from crops of people that the validation does not show. ``arrays``: windows come from the arrays beside
    the index, as the training took them."""

    margin: float
    said: bool
    frames: int
    least: int
    most: int
    seed: int
    calibrates: bool = False
    arrays: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """``validation`` are people that the network did not learn from; ``calibration`` are rows of the same pixels
    that show others, for the ranges of INT8 and FP16: people of the training split, or without one a quarter of
    those given. ``words`` say which crops the validation consists of."""

    validation: Crops
    calibration: tuple[int, ...]
    words: str
    unit: str


def read_labelled(path: Path, wanted: Wanted, scratch: Path) -> Labelled:
    """Crops of a folder with ``index.csv``, or of an npz file; those of a folder are decoded into ``scratch``.

    The npz holds ``crops`` uint8 (N, S, S, 3) RGB, ``labels`` (N,) 1 for fake, and ``groups`` (N,), who is shown,
    or where nobody knows which source video: intervals and the parting of people need it. Raises
    ``DataError`` and ``UsageError``, one sentence.
    """
    if not wanted.said and (wanted.arrays or not (path.is_dir() and _has_boxes(path))):
        raise UsageError(
            f"The crops of {path} do not say how far they reach: give --margin, their side in units of the face box."
        )
    labelled = _of_folder(path, wanted, scratch) if path.is_dir() else _of_npz(path, wanted)
    labels = labelled.validation.labels
    if not labels.any() or labels.all():
        absent = "fake" if not labels.any() else "genuine"
        raise DataError(f"There are no {absent} crops to validate on in {path}: give data with both kinds.")
    return labelled


def _has_boxes(folder: Path) -> bool:
    return all(crop.face is not None for crop in read_prepared(folder))


def _of_folder(folder: Path, wanted: Wanted, scratch: Path) -> Labelled:
    crops = read_prepared(folder)
    splits = {crop.record.split for crop in crops}
    if not splits & {"train", "val"}:
        raise DataError(
            f"The index of {folder} has no rows of the split val or train, and test is not for this: add some."
        )
    where = "split val" if "val" in splits else f"a tenth of the people, held out by the seed {wanted.seed}"
    learnt, held = split(crops, wanted.seed) if "train" in splits else ([], crops)
    held = [crop for crop in held if crop.record.split != "test"]
    arrays = Arrays(folder, crops) if wanted.arrays else None
    windows = [one for one in samples(held, _CLASSES, wanted.frames, arrays) if len(one.keys) >= wanted.least]
    if not windows:
        raise DataError(
            f"No video of {folder} has {wanted.least} crops to validate on, which this network needs in a window: "
            "prepare data with more --frames, or leave the data out."
        )
    windows = few(windows, wanted.most, len(_CLASSES), wanted.seed)
    singles: list[Sample] = []
    if wanted.calibrates and not learnt:
        windows, aside = _set_aside(windows, wanted.seed)
        singles = aside
    elif wanted.calibrates:
        singles = samples(learnt, _CLASSES, wanted.frames if arrays else 1, arrays)
    singles = [Sample(one.keys[:1], one.label, one.group) for one in singles]
    singles = few(singles, CALIBRATION_PICTURES, len(_CLASSES), wanted.seed)
    names, pixels = _decoded(folder, crops, [*windows, *singles], wanted.margin, scratch, arrays)
    row = {name: number for number, name in enumerate(names)}
    unit = "crops" if wanted.frames == 1 else "windows"
    validation = Crops(
        pixels,
        names,
        tuple(tuple(row[key] for key in one.keys) for one in windows),
        np.asarray([one.label > 0 for one in windows]),
        np.asarray([one.group for one in windows]),
    )
    calibration = tuple(row[one.keys[0]] for one in singles)
    return Labelled(validation, calibration, f"{folder.resolve().name}, {where}", unit)


def _decoded(
    folder: Path,
    crops: Sequence[PreparedCrop],
    chosen: Sequence[Sample],
    margin: float,
    scratch: Path,
    arrays: Arrays | None,
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Names and pixels of the crops that ``chosen`` name, cut as the training cuts them."""
    keys = {key for one in chosen for key in one.keys}
    used = [crop for crop in crops if crop.record.key in keys]
    found = arrays.pictures(keys) if arrays else pictures(folder, used, margin)
    cache = build_cache(scratch / "crops", found, colour="bgr")
    lost = sorted(keys - set(cache.names))
    if lost:
        raise DataError(f"The index of {folder} names the crop {lost[0]!r}, which none of its tars holds.")
    return cache.names, cache.pixels


def _of_npz(path: Path, wanted: Wanted) -> Labelled:
    if wanted.least > 1:
        raise DataError(f"{path} holds single crops, this network judges windows: give a folder with an index.")
    crops, labels, groups = _arrays(path)
    chosen = few(
        [Sample((str(row),), int(labels[row]), str(groups[row])) for row in range(len(crops))],
        wanted.most,
        len(_CLASSES),
        wanted.seed,
    )
    aside: list[Sample] = []
    if wanted.calibrates:
        chosen, aside = _set_aside(chosen, wanted.seed)
    rows = [int(one.keys[0]) for one in (*chosen, *aside[:CALIBRATION_PICTURES])]
    validation = Crops(
        np.stack([plain_view(np.ascontiguousarray(crops[row]), SIDE) for row in rows]),
        tuple(f"{path.stem}-{row}" for row in rows),
        tuple((place,) for place in range(len(chosen))),
        np.asarray([one.label > 0 for one in chosen]),
        np.asarray([one.group for one in chosen]),
    )
    return Labelled(validation, tuple(range(len(chosen), len(rows))), path.name, "crops")


def _set_aside(chosen: Sequence[Sample], seed: int) -> tuple[list[Sample], list[Sample]]:
    """A quarter of the people, drawn by ``seed``, behind the others. Raises ``DataError`` for fewer than four."""
    people = sorted({one.group for one in chosen})
    if len(people) < 4:
        raise DataError(f"{len(people)} people are too few to calibrate INT8 or FP16 on some of them: give more.")
    drawn = np.random.default_rng((seed, 0xA51DE)).permutation(len(people))[: len(people) // 4]
    aside = {people[int(place)] for place in drawn}
    return [one for one in chosen if one.group not in aside], [one for one in chosen if one.group in aside]


def _arrays(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.str_]]:
    """The arrays of an npz file, checked; no code in it is run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            crops, labels, groups = file["crops"], file["labels"], file["groups"]
    except Exception as error:  # damaged archives raise what zipfile, zlib and NumPy please
        raise DataError(
            f"{path} is no folder with an index.csv and no npz file with crops, labels and groups "
            f"({type(error).__name__}: {' '.join(str(error).split())[:100]}): see docs/EXPORT.md."
        ) from error
    square = crops.ndim == 4 and crops.dtype == np.uint8 and crops.shape[3] == 3 and crops.shape[1] == crops.shape[2]
    if not square or not len(crops):
        raise DataError(f"{path} has crops {crops.dtype}{crops.shape}: they must be uint8 (N, S, S, 3), RGB.")
    if labels.shape != (len(crops),) or not np.isin(labels, (0, 1)).all() or groups.shape != labels.shape:
        raise DataError(f"{path} needs a label, 0 for genuine and 1 for fake, and one group for each of its crops.")
    return crops, labels.astype(np.int64), groups.astype(str)
