"""Crops to calibrate and measure with: people apart, and nothing taken that tells nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch (the train extra)")

import small_zoo

from unmask.engines.errors import UnmaskError, UsageError
from unmask.export.labelled import Wanted, read_labelled
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.index import read_prepared
from unmask.training.run.data import split

WANTED = Wanted(margin=1.0, said=True, frames=1, least=1, most=64, seed=3)


def test_ranges_are_never_taken_from_the_people_of_the_gate(tmp_path: Path) -> None:
    labels = np.arange(64) % 2
    crops = np.stack([small_zoo.crop_picture(label - 0.5, n)[..., ::-1] for n, label in enumerate(labels)])
    groups = np.array([f"g{n // 4}" for n in range(64)])
    np.savez(tmp_path / "crops.npz", crops=crops, labels=labels, groups=groups)
    wanted = dataclasses.replace(WANTED, calibrates=True)
    labelled = read_labelled(tmp_path / "crops.npz", wanted, tmp_path)
    assert len(labelled.calibration) == 16
    row_of = {key: int(key.rpartition("-")[2]) for key in labelled.validation.keys}
    aside = {groups[row_of[labelled.validation.keys[row]]] for row in labelled.calibration}
    assert aside.isdisjoint(labelled.validation.groups)
    assert len(labelled.validation.labels) == 48

    data = small_zoo.write_data(tmp_path / "crops")
    of_folder = read_labelled(data, wanted, tmp_path)
    learnt = {of_folder.validation.keys[row].partition("-")[0] for row in of_folder.calibration}
    assert learnt == {f"p{person}" for person in range(small_zoo.PEOPLE)}
    (data / "index.csv").write_text((data / "index.csv").read_text().replace(",train,", ",val,"))
    alone = read_labelled(data, wanted, tmp_path)
    people = {alone.validation.keys[row].partition("-")[0] for row in alone.calibration}
    assert len(people) == 6
    assert {person.replace("p", "person-") for person in people}.isdisjoint(alone.validation.groups)


def test_only_those_who_validate_are_shown(tmp_path: Path) -> None:
    data = small_zoo.write_data(tmp_path / "crops")
    labelled = read_labelled(data, WANTED, tmp_path)
    assert labelled.words == "crops, split val"
    assert set(labelled.validation.groups) == {f"person-{n}" for n in range(small_zoo.PEOPLE, 2 * small_zoo.PEOPLE)}
    assert labelled.calibration == ()
    windows = read_labelled(data, dataclasses.replace(WANTED, frames=3, least=3), tmp_path).validation
    assert {len(window) for window in windows.windows} == {3}
    assert len(windows.labels) == small_zoo.PEOPLE


def test_without_a_validation_split_those_whom_the_training_held_out_are_taken(tmp_path: Path) -> None:
    data = small_zoo.write_data(tmp_path / "crops")
    index = data / "index.csv"
    index.write_text(index.read_text().replace(",val,", ",train,"))
    drawn = {seed: split(read_prepared(data), seed)[1] for seed in range(20)}
    seed = next(seed for seed, held in drawn.items() if len({crop.record.fake for crop in held}) == 2)
    labelled = read_labelled(data, dataclasses.replace(WANTED, seed=seed), tmp_path)
    assert set(labelled.validation.groups) == {crop.record.group for crop in drawn[seed]}
    assert f"held out by the seed {seed}" in labelled.words


def test_crops_without_boxes_need_a_margin_that_somebody_vouches_for(tmp_path: Path) -> None:
    data = small_zoo.write_data(tmp_path / "crops")
    with pytest.raises(UsageError, match="give --margin"):
        read_labelled(data, dataclasses.replace(WANTED, said=False), tmp_path)
    boxed = small_zoo.write_data(tmp_path / "boxed", boxes=True)
    tight = read_labelled(boxed, dataclasses.replace(WANTED, said=False, margin=1.0), tmp_path / "a").validation
    wide = read_labelled(boxed, dataclasses.replace(WANTED, said=False, margin=2.0), tmp_path / "b").validation
    assert tight.keys == wide.keys
    assert (np.asarray(tight.pixels[0]) != np.asarray(wide.pixels[0])).any(), "the margin changes nothing"


@pytest.mark.parametrize(
    ("labels", "groups", "crops", "complaint"),
    [
        (np.zeros(4, int), None, None, "no fake crops to validate on"),
        (np.array([0, 1, 2, 0]), None, None, "needs a label, 0 for genuine"),
        (np.array([0, 1, 0, 1]), np.arange(3), None, "one group for each"),
        (np.array([0, 1, 0, 1]), None, np.zeros((4, 8, 9, 3), np.uint8), r"must be uint8 \(N, S, S, 3\)"),
    ],
)
def test_crops_that_tell_nothing_are_refused(
    labels: np.ndarray, groups: np.ndarray | None, crops: np.ndarray | None, complaint: str, tmp_path: Path
) -> None:
    groups = np.array(["a", "b", "c", "d"]) if groups is None else groups
    if crops is None:
        crops = np.stack([small_zoo.crop_picture(0.5 - int(label > 0), n)[..., ::-1] for n, label in enumerate(labels)])
    path = tmp_path / "crops.npz"
    np.savez(path, crops=crops, labels=labels, groups=groups)
    with pytest.raises(UnmaskError, match=f"(?i){complaint}"):
        read_labelled(path, WANTED, tmp_path)


def test_crops_of_nobody_knows_whom_are_refused(tmp_path: Path) -> None:
    """Intervals over single crops would be far too narrow, and nobody could be held apart."""
    path = tmp_path / "crops.npz"
    np.savez_compressed(path, crops=np.zeros((4, 8, 8, 3), np.uint8), labels=[0, 1, 0, 1])
    with pytest.raises(DataError, match="groups is not a file in the archive"):
        read_labelled(path, WANTED, tmp_path)
    raw = bytearray(path.read_bytes())
    raw[60:90] = bytes(30)  # zlib has its own error
    path.write_bytes(raw)
    with pytest.raises(DataError, match="no npz file"):
        read_labelled(path, WANTED, tmp_path)


def test_nobody_is_on_both_sides_and_nobody_of_the_test_split_is_shown(tmp_path: Path) -> None:
    data = small_zoo.write_data(tmp_path / "crops")
    index = data / "index.csv"
    plain = index.read_text()
    index.write_text(plain.replace("person-13", "person-1"))
    with pytest.raises(DataError, match="Person 'person-1' is in the training and in the validation split"):
        read_labelled(data, WANTED, tmp_path)
    index.write_text(plain.replace(",train,", ",test,"))
    alone = read_labelled(data, WANTED, tmp_path)
    assert len(set(alone.validation.groups)) == small_zoo.PEOPLE
    index.write_text(plain.replace(",train,", ",test,").replace(",val,", ",test,"))
    with pytest.raises(DataError, match="no rows of the split val or train"):
        read_labelled(data, WANTED, tmp_path)


def test_windows_come_from_the_arrays_that_the_training_took(tmp_path: Path) -> None:
    data = small_zoo.write_data(tmp_path / "crops")
    (data / "npz").mkdir()
    for person in range(2 * small_zoo.PEOPLE):
        frames = np.full((5, 3, 32, 32), 10 * person, np.uint8)
        np.savez(data / "npz" / f"v{person}.npz", frames=frames, label=person % 2)
    wanted = dataclasses.replace(WANTED, frames=3, least=2, arrays=True, calibrates=True)
    labelled = read_labelled(data, wanted, tmp_path)
    shown = labelled.validation
    assert {shown.keys[row].rpartition("#")[2] for window in shown.windows for row in window} == {"000", "002", "004"}
    assert (np.asarray(shown.pixels[shown.keys.index("v13#002")]) == 130).all()
    assert {int(shown.keys[row].strip("v").partition("#")[0]) for row in labelled.calibration} == set(range(12))
    with pytest.raises(UsageError, match="give --margin"):
        read_labelled(data, dataclasses.replace(wanted, said=False), tmp_path)
