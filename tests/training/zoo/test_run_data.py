"""Which samples a run gets, and how they look."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from unmask.training.data.dfdc import CropRecord, DataError
from unmask.training.prepare.index import PreparedCrop, read_prepared
from unmask.training.run.batches import Batches, augmented
from unmask.training.run.curves import plot_confusion, plot_curves
from unmask.training.run.data import RunData, classes_of, few, load_run_data, samples, split
from unmask.training.run.folder import RunError, RunFolder, first_difference
from unmask.training.zoo.recipe import Augmentation, Recipe, changed
from unmask.training.zoo.registry import find_recipe


def crop(
    key: str, *, kind: str = "", person: str = "p", part: str = "train", video: str = "", time_s: float = 0.0
) -> PreparedCrop:
    record = CropRecord(key, bool(kind), person, part, 100)
    return PreparedCrop(record, kind, "", video or key, time_s, 1.0, None)


def of(**changes: object) -> Recipe:
    return changed(find_recipe("feed-forward-adamw"), changes) if changes else find_recipe("feed-forward-adamw")


def load(folder: Path, recipe: Recipe, cache: Path, **options: int) -> RunData:
    return load_run_data(folder, recipe, cache, log=lambda line: None, **options)


def test_a_window_is_spread_evenly_over_its_video_in_the_order_of_time() -> None:
    crops = [crop(f"k{n}", video="v", time_s=9.0 - n) for n in range(9)]
    found = samples(crops, ("real", "fake"), 3)
    assert [sample.keys for sample in found] == [("k7", "k4", "k1")]
    assert len(samples(crops, ("real", "fake"), 1)) == 9
    assert samples(crops[:2], ("real", "fake"), 3)[0].keys == ("k1", "k0")


def test_a_real_and_a_fake_video_of_one_name_stay_apart() -> None:
    crops = [crop("a", video="v"), crop("b", kind="swap", video="v")]
    assert [sample.label for sample in samples(crops, ("real", "fake"), 4)] == [0, 1]


def test_generators_become_classes_in_alphabetical_order() -> None:
    crops = [crop("a"), crop("b", kind="z"), crop("c", kind="m")]
    recipe = find_recipe("attribution-cnn")
    classes = classes_of(crops, recipe)
    assert classes == ("real", "m", "z")
    assert [sample.label for sample in samples(crops, classes, 1)] == [0, 2, 1]
    with pytest.raises(DataError, match="give at least 2"):
        classes_of(crops[:2], recipe)
    nameless = PreparedCrop(CropRecord("d", True, "p", "train", 1), "", "", "d", 0.0, 1.0, None)
    with pytest.raises(DataError, match="names none for 'd'"):
        classes_of([*crops, nameless], recipe)


def test_people_stay_on_one_side_and_the_test_split_is_left_alone() -> None:
    crops = [crop(f"k{n}", person=f"p{n // 2}", kind="x" if n % 2 else "") for n in range(60)]
    train, validation = split([*crops, crop("t", person="q", part="test")], 1)
    assert len(train) + len(validation) == 60
    assert 6 <= len(validation) < 30
    assert not {c.record.group for c in train} & {c.record.group for c in validation}
    with pytest.raises(DataError, match="'p0' is in the training and in the validation"):
        split([*crops, crop("v", person="p0", part="val")], 1)
    with pytest.raises(DataError, match="no rows of the split 'train'"):
        split([crop("v", part="val")], 1)


def test_a_subset_takes_classes_in_turn_and_always_the_same() -> None:
    crops = [crop(f"k{n}", kind="" if n % 4 else "x") for n in range(100)]
    found = samples(crops, ("real", "fake"), 1)
    chosen = few(found, 20, 2, seed=1)
    assert sorted(sample.label for sample in chosen) == [0] * 10 + [1] * 10
    assert sorted(sample.label for sample in few(found, 1, 2, seed=1)) == [0, 1]
    assert chosen == few(found, 20, 2, seed=1) != few(found, 20, 2, seed=2)


def test_pictures_are_decoded_once(pictures: Path, tmp_path: Path) -> None:
    data = load(pictures, of(), tmp_path, subset=200)
    assert len(data.train) == 200
    assert len(data.validation) == 50
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = load(pictures, of(), tmp_path, subset=200)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert again.mark == data.mark != load(pictures, of(), tmp_path, subset=20).mark


def test_a_missing_class_and_a_missing_picture_are_named(pictures: Path, tmp_path: Path) -> None:
    text = (pictures / "index.csv").read_text()
    for name, changed_text, complaint in (
        ("a", text.replace(",fake,", ",real,"), "no training samples of the class fake"),
        ("b", text.replace("v00-0,", "v00-x,"), "the crop 'v00-x', which none of its tars holds"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "index.csv").write_text(changed_text)
        (folder / "faces-00.tar").symlink_to(pictures / "faces-00.tar")
        with pytest.raises(DataError, match=complaint):
            load(folder, of(), tmp_path / "cache")


def test_batches_are_the_same_from_the_middle_on(pictures: Path, tmp_path: Path) -> None:
    recipe = of(**{"augmentation.views": "call", "augmentation.jpeg": [10, 50], "input.frames": 3})
    batches = Batches(load(pictures, recipe, tmp_path), recipe)
    whole, rest = list(batches.train(0)), list(batches.train(0, start=1))
    assert len(whole) == batches.steps == 1 + len(rest)
    for one, other in zip(whole[1:], rest, strict=True):
        np.testing.assert_array_equal(one.crops, other.crops)
        np.testing.assert_array_equal(one.labels, other.labels)
    another = next(iter(batches.train(1)))
    assert not np.array_equal(another.crops, whole[0].crops)


def test_what_a_window_lacks_is_masked(pictures: Path, tmp_path: Path) -> None:
    recipe = of(**{"input.frames": 7})
    data = load(pictures, recipe, tmp_path)
    assert len(read_prepared(pictures)) == 250
    batch = next(iter(Batches(data, recipe).validation()))
    assert batch.crops.shape[1:] == (7, 64, 64, 3)
    np.testing.assert_array_equal(batch.mask[0], [1, 1, 1, 1, 1, 0, 0])
    assert batch.crops[:, :5].any()
    assert not batch.crops[:, 5:].any()


def test_a_harsh_share_leaves_the_rest_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)

    def made(share: float, seed: int) -> np.ndarray:
        how = Augmentation(views="none", harsh_share=share)
        return augmented(image, 224, np.random.default_rng(seed), how)

    assert (made(1.0, 0) != made(0.0, 0)).any()
    same = [bool((made(0.3, seed) == image).all()) for seed in range(20)]
    assert 8 < sum(same) < 19


def test_jpeg_augmentation_shrinks_what_a_picture_tells() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    plain = augmented(image, 224, np.random.default_rng(0), Augmentation(views="none"))
    np.testing.assert_array_equal(plain, image)
    coded = augmented(image, 224, np.random.default_rng(0), Augmentation(views="none", jpeg=(10, 10), jpeg_share=1.0))
    assert coded.astype(int).std() < 0.9 * image.astype(int).std()


def stills(folder: Path, to: Path) -> Path:
    """The same pictures without the column that joins the crops of a video."""
    to.mkdir()
    (to / "index.csv").write_text((folder / "index.csv").read_text().replace(",video,", ",clip,", 1))
    (to / "faces-00.tar").symlink_to(folder / "faces-00.tar")
    return to


def test_a_still_becomes_a_window_that_moves(pictures: Path, tmp_path: Path) -> None:
    recipe = of(**{"input.frames": 4, "augmentation.views": "none", "training.batch": 4})
    data = load(stills(pictures, tmp_path / "stills"), recipe, tmp_path / "cache", subset=8)
    assert len(data.train) == 8
    one, again = (next(iter(Batches(data, recipe).train(0))) for _ in range(2))
    np.testing.assert_array_equal(one.crops, again.crops)
    assert one.mask.all()
    steps = np.abs(np.diff(one.crops.astype(int), axis=1)).mean(axis=(1, 2, 3, 4))
    assert 0 < steps.min() <= steps.max() < 15


def test_what_marks_fakes_is_for_training_only(pictures: Path, tmp_path: Path) -> None:
    folder = stills(pictures, tmp_path / "stills")
    still = {f"clips.{name}": 0.0 for name in ("motion", "turn", "tremor", "flicker", "codec_share")}
    common = {"input.frames": 4, "augmentation.views": "none", "clips.noise": [0, 0], **still}
    marked = of(**common, **{"clips.face_jitter": 3.0})
    batches = Batches(load(folder, marked, tmp_path / "cache", subset=16), marked)
    moves = [
        (label, np.abs(np.diff(window.astype(int), axis=0)).mean())
        for batch in batches.train(0)
        for window, label in zip(batch.crops, batch.labels, strict=True)
    ]
    assert max(move for label, move in moves if not label) == 0
    assert min(move for label, move in moves if label) > 0
    assert not any(np.diff(batch.crops.astype(int), axis=1).any() for batch in batches.validation())


def test_a_run_folder_knows_its_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    config = {"recipe": {"rate": 1, "size": (1, 2)}, "about": {"device": "cpu"}}
    assert not folder.begin(config)
    assert folder.begin(config | {"about": {"device": "cuda"}})
    with pytest.raises(RunError, match=r"another recipe\.rate"):
        folder.begin({"recipe": {"rate": 2, "size": (1, 2)}})
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        folder.begin(config)
    assert first_difference({"a": 1}, {"a": 1, "b": 2}) == "b"


def test_the_history_is_kept_as_json_and_as_a_table(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-9}]
    RunFolder(tmp_path).write_history(rows)
    assert json.loads((tmp_path / "history.json").read_text()) == rows
    assert (tmp_path / "history.csv").read_text().splitlines()[1] == "1,0.30000000000000004"


def test_plots_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib (the train extra)")
    import cv2

    row = {"loss": 1.0, "validation_loss": 1.0, "validation_auroc": 0.5, "accuracy": 0.5, "rate": 1e-3}
    plot_curves([{"epoch": 1, **row}, {"epoch": 2, **row, "loss": 0.5}], tmp_path / "curves.png")
    plot_confusion([[3, 1], [0, 4]], ("real", "fake"), tmp_path / "confusion.png")
    for name in ("curves.png", "confusion.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None
        assert picture.std() > 5
