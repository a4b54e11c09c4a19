"""Face crops with an index: ``index.csv`` beside ``faces-NN.tar``, each holding ``<key>.jpg``."""

from __future__ import annotations

import csv
import tarfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.engines.errors import UnmaskError
from unmask.realtime.types import Image

_COLUMNS = ("key", "label", "original", "source_width", "source_height", "identity_group", "split")
_LARGEST_PICTURE = 64 << 20


class DataError(UnmaskError):
    """Training data is missing, damaged or of another layout."""


@dataclass(frozen=True, slots=True)
class CropRecord:
    """One labelled crop. ``group`` joins crops of one person: splits and intervals go by it. ``original`` names
    the real crop of the same video, the crop itself where it is real, nothing where that is not known."""

    key: str
    fake: bool
    group: str
    split: str
    source_width: int
    original: str = ""


def read_index(folder: Path) -> list[CropRecord]:
    """The rows of ``folder/index.csv``. Raises ``DataError`` for a missing file, column or label."""
    path = folder / "index.csv"
    if not path.is_file():
        raise DataError(f"There is no index.csv in {folder}: give the folder with the crops and their index.")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path} lacks the column {missing[0]!r}; it needs {', '.join(_COLUMNS)}.")
            return [_record(row, path) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}): prepare the data again.") from error


def _record(row: dict[str, str], path: Path) -> CropRecord:
    if row["label"] not in ("real", "fake"):
        raise DataError(f"{path} labels {row['key']!r} as {row['label']!r}; it must be real or fake.")
    try:
        width = int(row["source_width"])
    except (TypeError, ValueError):
        raise DataError(
            f"{path} has no source_width, a whole number, for {row['key']!r}: prepare the data again."
        ) from None
    # A line that ends too soon gives None, whatever the types of csv say.
    if row["identity_group"] is None or row["split"] is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise DataError(f"{path} has a line for {row['key']!r} that ends too soon: prepare the data again.")
    original = row["original"] or ""
    return CropRecord(row["key"], row["label"] == "fake", row["identity_group"], row["split"], width, original)


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
    (a set) only those stems are read and decoded. Raises ``DataError`` for a damaged tar or picture."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if not member.isfile() or not member.name.lower().endswith((".jpg", ".jpeg", ".png")):
                    continue
                if wanted is not None and Path(member.name).stem not in wanted:
                    continue
                yield Path(member.name).stem, _picture(archive, member, path)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        why = str(error).split("\n")[0].rstrip(":")
        raise DataError(f"{path} is no tar that can be read ({why}): prepare the data again.") from error


def _picture(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Image:
    # A sparse member claims any size and takes no room in the tar.
    file = archive.extractfile(member) if member.size <= _LARGEST_PICTURE else None
    data = file.read() if file else b""
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # it claims more pixels than OpenCV decodes
        picture = None
    if picture is None:
        raise DataError(f"{member.name} in {path} is no readable picture: prepare the data again.")
    return picture  # pyright: ignore[reportReturnType]


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
