"""The samples of a run: which crops, in which windows, of which class, and who is held out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.types import Image
from unmask.training.data.cache import SIDE, build_cache, has_cache, open_cache
from unmask.training.data.dfdc import DataError, hold_out_groups, read_pictures
from unmask.training.prepare.index import PreparedCrop, read_prepared, recrop
from unmask.training.run.arrays import Arrays
from unmask.training.zoo.recipe import Recipe

#: The share of the crops that is held out, by person, where the index names no validation split.
HELD_OUT = 0.1
#: With ``subset`` pictures to train on, a quarter as many validate.
_VALIDATION_SHARE = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One window: ``keys`` of its crops in the order of time (a single one for pictures) and its class."""

    keys: tuple[str, ...]
    label: int
    group: str


@dataclass(frozen=True, slots=True)
class RunData:
    """``pixels`` is a memory map uint8 (N, 224, 224, 3), RGB; ``row_of`` gives a key's row in it.

    ``classes[0]`` is real. ``mark`` tells one selection of samples from another.
    """

    classes: tuple[str, ...]
    pixels: NDArray[np.uint8]
    row_of: dict[str, int]
    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    mark: str


def load_run_data(
    folder: Path,
    recipe: Recipe,
    cache: Path,
    *,
    subset: int | None = None,
    log: Callable[[str], None] = print,
) -> RunData:
    """Read ``folder/index.csv``, choose the samples, and decode their crops into ``cache`` once.

    ``subset`` keeps about that many pictures, classes in equal parts. Raises ``DataError`` for data that
    the recipe cannot learn from.
    """
    crops = read_prepared(folder)
    classes = classes_of(crops, recipe)
    train_crops, validation_crops = split(crops, recipe.training.seed)
    arrays = Arrays(folder, crops) if recipe.input.arrays else None
    train = samples(train_crops, classes, recipe.input.frames, arrays)
    validation = samples(validation_crops, classes, recipe.input.frames, arrays)
    if subset is not None:
        train = few(train, subset, len(classes), recipe.training.seed)
        validation = few(validation, max(2, subset // _VALIDATION_SHARE), len(classes), recipe.training.seed)
    for name, chosen in (("training", train), ("validation", validation)):
        absent = [text for number, text in enumerate(classes) if all(s.label != number for s in chosen)]
        if absent:
            raise DataError(f"There are no {name} samples of the class {absent[0]} in {folder}.")
    keys = {key for sample in (*train, *validation) for key in sample.keys}
    used = [crop for crop in crops if crop.record.key in keys]
    _tell_margin(used, arrays, log)
    mark = hashlib.sha256(repr((recipe.input.margin, classes, train, validation)).encode()).hexdigest()[:16]
    path = cache / f"crops-{mark}"
    if not has_cache(path):
        log(f"decoding {len(keys)} crops, once")
        found = arrays.pictures(keys) if arrays else pictures(folder, used, recipe.input.margin)
        build_cache(path, found, colour="bgr")
    opened = open_cache(path)
    row_of = {name: row for row, name in enumerate(opened.names)}
    lost = sorted(keys - row_of.keys())
    if lost:
        raise DataError(f"The index of {folder} names the crop {lost[0]!r}, which none of its tars holds.")
    return RunData(classes, opened.pixels, row_of, tuple(train), tuple(validation), mark)


def _tell_margin(used: Sequence[PreparedCrop], arrays: Arrays | None, log: Callable[[str], None]) -> None:
    if arrays is not None:
        log(
            f"windows come from arrays of {arrays.length} frames, as they were cut, whatever margin the recipe asks "
            f"for; {arrays.without} videos of the index have none"
        )
    elif all(crop.face is None for crop in used):
        log("the crops have no face boxes: they are taken as they are, whatever margin the recipe asks for")


def pictures(folder: Path, crops: Sequence[PreparedCrop], margin: float) -> Iterator[tuple[str, Image]]:
    """The chosen crops (BGR) at the margin asked for, where there is a box to cut by."""
    of_key = {crop.record.key: crop for crop in crops}
    left = len(of_key)
    for key, image in read_pictures(folder, of_key):
        crop = of_key[key]
        yield key, image if crop.face is None else recrop(image, crop, CropSpec(SIDE, margin, colour="bgr"))
        left -= 1
        if not left:
            return


def classes_of(crops: Sequence[PreparedCrop], recipe: Recipe) -> tuple[str, ...]:
    """``("real", "fake")``, or real and each manipulation of the index in alphabetical order."""
    if recipe.classes == "binary":
        return ("real", "fake")
    fakes = [crop for crop in crops if crop.record.fake]
    unnamed = next((crop.record.key for crop in fakes if not crop.manipulation), None)
    if unnamed is not None:
        raise DataError(f"{recipe.name} tells generators apart, but the index names none for {unnamed!r}.")
    names = sorted({crop.manipulation for crop in fakes})
    if len(names) < 2:
        raise DataError(f"{recipe.name} tells generators apart, but the data has {len(names)}; give at least 2.")
    return ("real", *names)


def split(crops: Sequence[PreparedCrop], seed: int) -> tuple[list[PreparedCrop], list[PreparedCrop]]:
    """The training and the validation crops; no person is in both. Test crops are in neither."""
    train = [crop for crop in crops if crop.record.split == "train"]
    validation = [crop for crop in crops if crop.record.split == "val"]
    if not train:
        raise DataError("The index has no rows of the split 'train' to learn from.")
    if not validation:
        held = hold_out_groups([crop.record for crop in train], HELD_OUT, seed)
        validation = [crop for crop in train if crop.record.group in held]
        train = [crop for crop in train if crop.record.group not in held]
    both = {crop.record.group for crop in train} & {crop.record.group for crop in validation}
    if both:
        raise DataError(f"Person {min(both)!r} is in the training and in the validation split.")
    return train, validation


def samples(
    crops: Sequence[PreparedCrop], classes: Sequence[str], frames: int, arrays: Arrays | None = None
) -> list[Sample]:
    """One sample per crop, or per video for windows: up to ``frames`` crops spread evenly over it. With
    ``arrays`` one per video that has an array, whose frames take the place of the crops."""
    if frames == 1:
        return [Sample((crop.record.key,), _label(crop, classes), crop.record.group) for crop in crops]
    videos: dict[tuple[str, int], list[PreparedCrop]] = {}
    for crop in crops:
        videos.setdefault((crop.video, _label(crop, classes)), []).append(crop)
    result: list[Sample] = []
    for (video, label), members in videos.items():
        if arrays is not None:
            if video in arrays.videos:
                result.append(Sample(arrays.keys(video, frames), label, members[0].record.group))
            continue
        members.sort(key=lambda crop: (crop.time_s, crop.record.key))
        count = min(frames, len(members))
        chosen = [members[int((place + 0.5) * len(members) / count)] for place in range(count)]
        result.append(Sample(tuple(crop.record.key for crop in chosen), label, chosen[0].record.group))
    return result


def _label(crop: PreparedCrop, classes: Sequence[str]) -> int:
    if not crop.record.fake:
        return 0
    return 1 if len(classes) == 2 and classes[1] == "fake" else list(classes).index(crop.manipulation)


def few(all_samples: Sequence[Sample], pictures: int, classes: int, seed: int) -> list[Sample]:
    """Samples with about ``pictures`` pictures in all, the classes in turn, drawn by ``seed``.

    However few are asked for, every class that there is has one.
    """
    order = np.random.default_rng((seed, 0x5EB)).permutation(len(all_samples))
    waiting: list[list[Sample]] = [[] for _ in range(classes)]
    for position in order:
        waiting[all_samples[int(position)].label].append(all_samples[int(position)])
    chosen: list[Sample] = []
    count = 0
    while count < pictures and any(waiting):
        for row in waiting:
            if row and (count < pictures or len(chosen) < classes):
                chosen.append(row.pop())
                count += len(chosen[-1].keys)
    return chosen
