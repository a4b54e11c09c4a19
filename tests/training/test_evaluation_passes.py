"""From stored crops and watched recordings to tables: what is scored, what abstains, what is drawn together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from labelled_crops import MadeCrop, write_crops
from numpy.typing import NDArray

from unmask.engines.errors import UnmaskError
from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError
from unmask.training.degrade import DEGRADATIONS, Degradation
from unmask.training.evaluation.passes import (
    CLEAN,
    StoredCrop,
    Watched,
    media_scores,
    score_crops,
    watch_media,
)
from unmask.training.evaluation.result import Settings, repeats, result_of
from unmask.training.evaluation.samples import (
    CropSet,
    DataOptions,
    MediaItem,
    MediaSet,
    open_data,
    some_videos,
)
from unmask.training.prepare.items import SourceItem


class RednessScorer:
    """Embedding: how red the crop is, 0..1. Score: the mean over the window. Abstains where it is small."""

    def __init__(self, *, length: int = 4, least: int = 1, single_image: bool = True, min_side: float = 0) -> None:
        self.margin = 1.0
        self.length, self.least, self.single_image, self._min_side = length, least, single_image, min_side
        self.windows: list[int] = []
        self.seen: list[StoredCrop] = []

    def encode(self, crops: Sequence[StoredCrop]) -> tuple[NDArray[np.float32], list[tuple[str, ...]]]:
        self.seen += crops
        causes = [("face_too_small",) if crop.source_side < self._min_side else () for crop in crops]
        vectors = [
            [np.nan if against else crop.image[..., 2].mean() / 255]
            for crop, against in zip(crops, causes, strict=True)
        ]
        return np.asarray(vectors, np.float32), causes

    def score(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        assert all(1 <= len(window) <= self.length for window in windows)
        self.windows += [len(window) for window in windows]
        return np.asarray([float(window.mean()) for window in windows])


def crop_set(folder: Path, crops: list[MadeCrop], split: str = "val") -> CropSet:
    data = open_data(write_crops(folder, crops), DataOptions(split))
    assert isinstance(data, CropSet)
    return data


def test_one_crop_per_video_scores_the_same_both_ways(tmp_path: Path) -> None:
    data = crop_set(tmp_path, [MadeCrop("a", True, 0.9, "p"), MadeCrop("b", False, -0.9, "q")])
    scores = score_crops(data, RednessScorer(), [])[""]
    assert scores.frames.fake.tolist() == [True, False]
    assert scores.frames.group.tolist() == ["p", "q"]
    np.testing.assert_array_equal(scores.frames.score, scores.videos.score)
    assert scores.frames.score[0] > 0.6 > 0.4 > scores.frames.score[1]


def test_only_the_split_asked_for_is_read(tmp_path: Path) -> None:
    crops = [MadeCrop("a", True, 0.5), MadeCrop("b", False, 0.1, split="test")]
    assert [row.record.key for row in crop_set(tmp_path, crops, "test").rows] == ["b"]
    with pytest.raises(DataError, match="no crop of the split 'train': choose one of test, val"):
        open_data(tmp_path, DataOptions("train"))


def test_a_video_is_judged_by_windows_in_the_order_of_time(tmp_path: Path) -> None:
    reds = [0.9, 0.1, 0.5, -0.3, 0.7, 0.2]
    crops = [MadeCrop(f"k{n}", True, red, video="v", time_s=9.0 - n) for n, red in enumerate(reds)]
    scorer = RednessScorer(length=4, least=2)
    scores = score_crops(crop_set(tmp_path, crops), scorer, [])[""]
    assert len(scores.frames) == 6
    assert len(scores.videos) == 1
    assert scorer.windows[-2:] == [4, 2]
    in_time = scores.frames.score
    assert np.argmin(in_time) == 2, "the fourth of six backwards is the third"
    assert scores.videos.score[0] == pytest.approx((in_time[:4].mean() + in_time[4:].mean()) / 2)


def test_a_detector_that_needs_a_window_abstains_on_single_crops(tmp_path: Path) -> None:
    crops = [MadeCrop(f"v{n}", True, 0.8, video="v", time_s=n) for n in range(3)] + [MadeCrop("w", False, 0.1)]
    scores = score_crops(crop_set(tmp_path, crops), RednessScorer(least=3, single_image=False), [])[""]
    assert np.isnan(scores.frames.score).all()
    assert dict(scores.frame_causes) == {"too_few_frames": 4}
    by_fake = dict(zip(scores.videos.fake.tolist(), scores.videos.score.tolist(), strict=True))
    assert by_fake[True] > 0.6
    assert np.isnan(by_fake[False])
    assert dict(scores.video_causes) == {"too_few_frames": 1}


def test_abstentions_are_rows_with_their_cause(tmp_path: Path) -> None:
    crops = [MadeCrop("a", True, 0.9, source_width=40), MadeCrop("b", False, 0.1)]
    scores = score_crops(crop_set(tmp_path, crops), RednessScorer(min_side=100), [])[""]
    assert len(scores.frames) == 2
    assert np.isnan(scores.frames.score[scores.frames.fake]).all()
    assert dict(scores.frame_causes) == dict(scores.video_causes) == {"face_too_small": 1}


def test_every_degradation_has_the_same_rows_as_the_clean_line(tmp_path: Path) -> None:
    crops = [MadeCrop(f"k{n:02}", n % 2 == 0, n / 40, f"p{n}") for n in range(40)]
    data = crop_set(tmp_path, crops)
    rows = some_videos(data.rows, 7, 0)
    worse = [DEGRADATIONS["JPEG 10"], DEGRADATIONS["noise 12"]]
    done: list[int] = []
    passes = score_crops(
        data, RednessScorer(), worse, degraded_rows=rows, progress=lambda n, total, what: done.append(n)
    )
    assert list(passes) == ["", CLEAN, "JPEG 10", "noise 12"]
    assert len(passes[""].frames) == 40
    assert done == sorted(done)
    assert done[-1] == 40 + 2 * 7
    clean = passes[CLEAN].frames
    assert len(clean) == 7
    for row in worse:
        table = passes[row.name].frames
        np.testing.assert_array_equal(table.group, clean.group)
        assert (table.score != clean.score).any()
        np.testing.assert_allclose(table.score, clean.score, atol=0.1)


def test_a_crop_that_came_out_smaller_tells_its_new_size(tmp_path: Path) -> None:
    data = crop_set(tmp_path, [MadeCrop("a", True, 0.9, source_width=500)])
    half = Degradation("half", "every second pixel", lambda image, rng, margin: image[::2, ::2].copy())
    scorer = RednessScorer()
    score_crops(data, scorer, [half], degraded_rows=data.rows)
    assert [crop.source_side for crop in scorer.seen] == [500, 32]


def test_a_crop_without_a_face_box_is_taken_for_the_detectors_own(tmp_path: Path) -> None:
    data = crop_set(tmp_path, [MadeCrop("a", True, 0.9)])
    margins: list[float | None] = []

    def note(image: Image, rng: np.random.Generator, margin: float | None) -> Image:
        margins.append(margin)
        return image.copy()

    scorer = RednessScorer()
    scorer.margin = 0.8
    score_crops(data, scorer, [Degradation("note", "", note)], degraded_rows=data.rows)
    assert margins == [0.8]


def test_a_missing_crop_is_one_sentence(tmp_path: Path) -> None:
    write_crops(tmp_path, [MadeCrop("a", True, 0.5)])
    with (tmp_path / "index.csv").open("a") as file:
        file.write("gone,real,,9,9,p,val,,,\n")
    data = open_data(tmp_path, DataOptions())
    with pytest.raises(DataError, match="'gone' first"):
        score_crops(data, RednessScorer(), [])  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [3, 10, 39])
def test_some_videos_are_whole_and_drawn_by_seed(tmp_path: Path, most: int) -> None:
    crops = [MadeCrop(f"k{n:02}", True, 0.1, video=f"v{n // 3}", time_s=n) for n in range(40)]
    data = crop_set(tmp_path, crops)
    kept = some_videos(data.rows, most, 1)
    assert 0 < len(kept) <= most
    for video in {row.video for row in kept}:
        assert sum(row.video == video for row in kept) == sum(row.video == video for row in data.rows)
    assert [row.record.key for row in kept] == [row.record.key for row in some_videos(data.rows, most, 1)]
    if most == 10:
        other = [row.record.key for row in some_videos(data.rows, most, 2)]
        assert other != [row.record.key for row in kept]
    assert some_videos(data.rows, None, 1) is data.rows


def media(name: str, fake: bool, kind: str = "video", manipulation: str = "") -> MediaItem:
    source = SourceItem(Path(name), name, kind, fake, "plain", manipulation)  # type: ignore[arg-type]
    return MediaItem(source, name)


def test_every_analysed_moment_counts() -> None:
    seen = [
        (media("a", True), Watched(0.8, (), (0.7, 0.9), analysed=5)),
        (media("b", False), Watched(None, ("no_face",), (), analysed=3)),
        (media("c", False), Watched(None, (), error="cut off")),
    ]
    scores = media_scores(seen)
    assert len(scores.frames) == 5 + 3 + 1
    assert int(np.isfinite(scores.frames.score).sum()) == 2
    assert dict(scores.frame_causes) == {"too_few_frames": 3, "no_face": 3, "unreadable": 1}
    assert dict(scores.video_causes) == {"no_face": 1, "unreadable": 1}
    assert np.isnan(scores.videos.score).tolist() == [False, True, True]


def test_a_degradation_reaches_the_watcher() -> None:
    given: list[tuple[str, str]] = []

    def watch(item: SourceItem, degradation: Degradation | None) -> Watched:
        given.append((item.source, degradation.name if degradation else ""))
        return Watched(0.5, (), (0.5,), 1)

    watch_media([media("a", True, "image")], watch, DEGRADATIONS["JPEG 30"])
    watch_media([media("b", True)], watch)
    assert given == [("a", "JPEG 30"), ("b", "")]


def test_folders_of_a_known_layout_are_found(tmp_path: Path) -> None:
    for name in ("real/a.mp4", "fake/swap/a.mp4", "fake/swap/b.png"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    data = open_data(tmp_path / "set", DataOptions())
    assert isinstance(data, MediaSet)
    assert [(item.name, item.fake, item.still, item.source.manipulation) for item in data.items] == [
        ("fake/swap/a.mp4", True, False, "swap"),
        ("fake/swap/b.png", True, True, "swap"),
        ("real/a.mp4", False, False, ""),
    ]
    assert any("own group" in note for note in data.notes)
    people = tmp_path / "people.csv"
    people.write_text("path,identity\nreal/a.mp4,ann\nfake/swap/a.mp4,ann\n")
    known = open_data(tmp_path / "set", DataOptions(people=people))
    assert isinstance(known, MediaSet)
    assert known.items[0].group == known.items[2].group != known.items[1].group


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_no_data_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnmaskError) as caught:
        open_data(tmp_path / name, DataOptions())
    assert str(tmp_path / name) in str(caught.value)


def test_manipulations_are_compared_with_all_genuine_videos(tmp_path: Path) -> None:
    crops = [MadeCrop(f"r{n}", False, -0.8, f"r{n}") for n in range(4)]
    crops += [MadeCrop(f"e{n}", True, 0.8, f"e{n}", manipulation="easy") for n in range(3)]
    crops += [MadeCrop(f"h{n}", True, -0.8 - n / 50, f"h{n}", manipulation="hard") for n in range(2)]
    data = crop_set(tmp_path, crops)
    scores = score_crops(data, RednessScorer(), [])[""]
    result = result_of("made", "stored crops", "val", scores, {}, Settings(0.5, 1.0, rounds=20))
    assert list(result.manipulations) == ["easy", "hard"]
    assert result.manipulations["easy"]["auroc"].value == 1.0
    assert result.manipulations["easy"]["coverage"].n == 7
    assert result.manipulations["hard"]["recall"].value == 0.0
    assert any("FPR 0.1 %" in note for note in result.notes)
    assert any("9 groups" in note for note in result.notes)


def test_mean_and_best_of_repeated_runs(tmp_path: Path) -> None:
    crops = [MadeCrop("a", True, 0.9, "p"), MadeCrop("b", False, -0.9, "q"), MadeCrop("c", False, 0.95, "r")]
    scores = score_crops(crop_set(tmp_path, crops), RednessScorer(), [])[""]
    runs = {
        name: result_of("made", "", "val", scores, {}, Settings(threshold, 1.0, rounds=5)).videos
        for name, threshold in (("one", 0.5), ("two", 1.0))
    }
    found = repeats(runs)
    assert found["recall"].values == (1.0, 0.0)
    assert (found["recall"].mean, found["recall"].best, found["recall"].best_run) == (0.5, 1.0, "one")
    assert found["recall"].spread == pytest.approx(np.std([1.0, 0.0], ddof=1))
    assert (found["fpr"].best, found["fpr"].best_run) == (0.0, "two")
    assert found["precision"].values == (0.5,)
    assert found["precision"].spread is None
