"""Lines of a call over time: what comes out repeats, looks worse where less is carried, and keeps its time."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from unmask.realtime.types import Image
from unmask.training import degrade
from unmask.training.lines import LINES, make_window


@pytest.fixture(scope="module")
def still() -> Image:
    """Coarse colours with fine texture, 112 x 112 RGB."""
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(40, 200, (9, 9, 3), np.uint8), (112, 112), interpolation=cv2.INTER_CUBIC)
    return np.clip(coarse + rng.normal(0, 9, coarse.shape), 0, 255).astype(np.uint8)


def pictures(count: int = 30) -> list[Image]:
    """A room that slides by, 480 x 270."""
    rng = np.random.default_rng(1)
    room = cv2.resize(rng.integers(20, 235, (14, 30, 3), np.uint8), (600, 270), interpolation=cv2.INTER_CUBIC)
    room = np.clip(room + rng.normal(0, 6, room.shape), 0, 255).astype(np.uint8)
    return [np.ascontiguousarray(room[:, 2 * n : 2 * n + 480]) for n in range(count)]


def decoded(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", list(LINES))
def test_a_window_after_each_line_repeats_and_differs_from_the_one_before(name: str, still: Image) -> None:
    windows = [dict(make_window(still, 4, [LINES[name]], 0.8, "key")) for _ in range(2)]
    for one, two in zip(windows[0][name], windows[1][name], strict=True):
        np.testing.assert_array_equal(one, two)
    before, after = windows[0][""], windows[0][name]
    assert len(before) == len(after) == 4
    assert all(picture.shape == (112, 112, 3) for picture in before)
    side = 112 if LINES[name].height is None else degrade.side_in_call(0.8)
    assert all(picture.shape == (side, side, 3) for picture in after)
    pairs = zip(before, after, strict=True)
    apart = [np.abs(cv2.resize(one, (side, side)).astype(int) - two).mean() for one, two in pairs]
    assert min(apart) > 0.5


def test_key_and_seed_decide_the_movement_and_a_line_does_not(still: Image) -> None:
    def first(key: str, seed: int, lines: tuple[str, ...] = ()) -> Image:
        return next(iter(make_window(still, 3, [LINES[name] for name in lines], 0.8, key, seed)))[1][1]

    np.testing.assert_array_equal(first("a", 0), first("a", 0, ("360p",)))
    assert (first("a", 0) != first("b", 0)).any()
    assert (first("a", 0) != first("a", 1)).any()


@pytest.mark.parametrize("codec", ["H.264", "VP9"])
def test_a_slower_line_looks_worse(codec: str, still: Image) -> None:
    names = [f"360p {codec} {rate} kbit/s" for rate in (300, 150)]
    windows = dict(make_window(still, 4, [LINES[name] for name in names], 0.8, "key"))
    side = degrade.side_in_call(0.8)
    wanted = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(int) for picture in windows[""]]
    errors = [
        np.mean([np.abs(one - two).mean() for one, two in zip(windows[name], wanted, strict=True)]) for name in names
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("name", ["re-encoded", "360p VP9 150 kbit/s", "screen re-capture"])
def test_a_recording_keeps_its_pictures_and_its_time(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sent.mkv"
    assert LINES[name].record(path, iter(pictures()), 12.5, "key") == 30
    found = decoded(path)
    assert len(found) == 30
    assert all(picture.shape == (270, 480, 3) for picture in found)
    with av.open(str(path)) as container:
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    assert times[-1] - times[0] == pytest.approx(29 / 12.5, abs=0.05)


def test_tall_pictures_are_scaled_to_the_lines_of_a_call(tmp_path: Path) -> None:
    large = [cv2.resize(picture, (1281, 721)) for picture in pictures(3)]
    LINES["360p"].record(tmp_path / "a.mkv", large, 25, "key")
    assert decoded(tmp_path / "a.mkv")[0].shape == (360, 640, 3)
    LINES["re-encoded"].record(tmp_path / "b.mkv", large, 25, "key")
    assert decoded(tmp_path / "b.mkv")[0].shape == (720, 1280, 3)


def test_low_light_is_dark_and_a_screen_stands_still(tmp_path: Path) -> None:
    LINES["low light 0.4"].record(tmp_path / "dark.mkv", pictures(6), 25, "key")
    assert np.mean(decoded(tmp_path / "dark.mkv")) < 0.6 * np.mean(pictures(6))
    grey = [np.full((90, 160, 3), 120, np.uint8)] * 12
    LINES["screen re-capture"].record(tmp_path / "screen.mkv", grey, 25, "key")
    found = np.stack(decoded(tmp_path / "screen.mkv")).astype(float)
    # The reflection lies where it lay, whatever noise the pictures have.
    across = found.mean(axis=(1, 3))
    assert np.abs(across[-1] - across[4]).max() < 3
    assert across.mean(axis=0).max() - across.mean(axis=0).min() > 5


def test_nothing_to_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no picture"):
        LINES["360p"].record(tmp_path / "a.mkv", [], 25, "key")
