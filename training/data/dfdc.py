"""Face crops with an index: ``index.csv`` beside ``faces-NN.tar``, each holding ``<key>.jpg``."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.engines.errors import UnmaskError
from unmask.realtime.types import Image

_COLUMNS = ("key", "label", "original", "source_width", "source_height", "identity_group", "split")


class DataError(UnmaskError):
    """Training data is missing, damaged or of another layout."""


@dataclass(frozen=True, slots=True)
class CropRecord:
    """One labelled crop. ``group`` joins crops of one person: splits and intervals go by it."""

    key: str
    fake: bool
    group: str
    split: str
    source_width: int


def read_index(folder: Path) -> list[CropRecord]:
    """The rows of ``folder/index.csv``. Raises ``DataError`` for a missing file, column or label."""
    path = folder / "index.csv"
    if not path.is_file():
        raise DataError(f"There is no index.csv in {folder}: give the folder with the crops and their index.")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path} lacks the column {missing[0]!r}; it needs {', '.join(_COLUMNS)}.")
        return [_record(row, path) for row in reader]


def _record(row: dict[str, str], path: Path) -> CropRecord:
    if row["label"] not in ("real", "fake"):
        raise DataError(f"{path} labels {row['key']!r} as {row['label']!r}; it must be real or fake.")
    return CropRecord(row["key"], row["label"] == "fake", row["identity_group"], row["split"], int(row["source_width"]))


def read_pictures(folder: Path, keys: Collection[str]) -> Iterator[tuple[str, Image]]:
    """``(key, BGR uint8 (H, W, 3))`` for those of ``keys`` that the tars hold, in the order of the tars."""
    tars = sorted(folder.glob("*.tar"))
    if not tars:
        raise DataError(f"There is no tar of crops in {folder}: give the folder that holds faces-NN.tar.")
    wanted = frozenset(keys)
    for tar in tars:
        yield from iterate_tar(tar, wanted)


def iterate_tar(path: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, Image]]:
    """``(file stem, BGR uint8 picture)`` of every picture in a tar, nothing unpacked to disk. With ``wanted``
    (a set) only those stems are read and decoded."""
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isfile() or not member.name.lower().endswith((".jpg", ".jpeg", ".png")):
                continue
            if wanted is not None and Path(member.name).stem not in wanted:
                continue
            file = archive.extractfile(member)
            data = file.read() if file else b""
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
            if picture is None:
                raise DataError(f"{member.name} in {path} is no readable picture.")
            yield Path(member.name).stem, picture


def hold_out_groups(
    records: Collection[CropRecord], share: float, seed: int, *, largest: float = 0.05
) -> frozenset[str]:
    """Identity groups, drawn by ``seed``, that together hold at least ``share`` of ``records``.

    Groups with more than ``largest`` of all crops are never drawn: the estimated groups contain one
    that joins many people, and holding it out would leave nothing to learn from. Raises ``DataError``
    where that leaves nobody to hold out.
    """
    sizes: dict[str, int] = {}
    for record in records:
        sizes[record.group] = sizes.get(record.group, 0) + 1
    total = len(records)
    names = sorted(name for name, size in sizes.items() if size <= largest * total)
    held: set[str] = set()
    count = 0
    for position in np.random.default_rng(seed).permutation(len(names)):
        if count >= share * total:
            break
        name = names[int(position)]
        held.add(name)
        count += sizes[name]
    if not held:
        raise DataError(f"Nobody can be held out of {total} crops: each person has over {largest:.0%} of them.")
    return frozenset(held)
