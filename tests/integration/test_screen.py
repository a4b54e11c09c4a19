"""A real screen: a clip played in a window under Xvfb, captured, its faces boxed where the file has them."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import select
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import player
import pytest
from x_display import x_display

from unmask.realtime.scan.items import expand
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import FaceBox, SourceState, Verdict

pytestmark = pytest.mark.display

TITLE = "Call with Ann and Bob"
LEFT, TOP = 200, 120
#: A region somewhat larger than the window: what is found in it lies elsewhere than in the file.
MARGIN = (40, 24)


@pytest.fixture(scope="module")
def screen(clip):
    """A display on which the clip is being played."""
    if importlib.util.find_spec("PyQt6") is None:
        pytest.skip("PyQt6 is not installed: nothing can play the clip")
    with x_display(1280, 800) as display, playing(clip, display.environment):
        yield display


@contextlib.contextmanager
def playing(clip, environment):
    # OpenCV points Qt to plugins of its own, of another version.
    inherited = {name: value for name, value in environment.items() if not name.startswith("QT_")}
    command = [sys.executable, player.__file__, str(clip.path), TITLE, str(LEFT), str(TOP)]
    with subprocess.Popen(
        command, env={**inherited, "QT_QPA_PLATFORM": "xcb"}, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert select.select([program.stdout], [], [], 30)[0], "the player shows nothing"
            assert program.stdout.readline() == "showing\n"
            yield
        finally:
            program.kill()


@pytest.fixture
def on_screen(screen, monkeypatch):
    monkeypatch.setenv("DISPLAY", screen.display)
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    return screen


def region(clip):
    height, width = clip.pictures[0].shape[:2]
    wide, high = width + 2 * MARGIN[0], height + player.STRIP + 2 * MARGIN[1]
    return f"region:{LEFT - MARGIN[0]},{TOP - MARGIN[1]},{wide},{high}"


def moved(box, by):
    x0, y0, x1, y1 = box
    return FaceBox(x0 - by[0], y0 - by[1], x1 - by[0], y1 - by[1], 1.0)


def corners(face):
    return face.x0, face.y0, face.x1, face.y1


def nearest(box, others):
    return max((box.overlap(other) for other in others), default=0.0)


def shown_number(image, clip):
    """Which picture of the clip a captured region shows; ``None`` where its strip cannot be read."""
    height, width = clip.pictures[0].shape[:2]
    top = MARGIN[1] + height
    return player.read_stamp(image[top : top + player.STRIP, MARGIN[0] : MARGIN[0] + width])


def told(what, overlaps):
    """For whoever runs it with ``pytest -rP``."""
    print(f"{what}: IoU of {len(overlaps)} boxes, least {min(overlaps):.3f}, median {statistics.median(overlaps):.3f}")


@pytest.fixture(params=["cascade", "scrfd_500m.onnx"])
def model(request):
    """The face finder's file; ``None`` for the cascade."""
    if request.param == "cascade":
        return None
    return request.getfixturevalue("shared") / "models" / request.param


@pytest.mark.usefixtures("on_screen")
def test_faces_are_boxed_where_the_shown_picture_has_them(clip, detector, new_finder, model, recorder, until):
    spec = region(clip)
    make = functools.partial(make_source, spec, SourceOptions())
    with Session([SourcePlan("region", make, new_finder(model))], detector, sinks=[recorder]):
        until(lambda: sum(len(update.faces) == 2 for update in recorder.updates) >= 20, "twenty pictures of two faces")
    finder = new_finder(model)
    with_the_file, with_the_truth, seen = [], [], []
    for update in recorder.updates[:40]:
        if update.frame is None or not update.faces:
            continue
        number = shown_number(update.frame.image, clip)
        assert number is not None, "the strip below the picture is not where it should be"
        assert np.array_equal(inside_window(update.frame.image, clip), clip.pictures[number])
        found = finder.find(clip.pictures[number])
        truth = [face.face(number) for face in clip.demo.truth.faces]
        boxes = [moved(corners(state.track.face), MARGIN) for state in update.faces]
        seen.append(len(boxes))
        with_the_file += [nearest(box, found) for box in boxes]
        with_the_truth += [nearest(box, truth) for box in boxes]
    told("with the same picture in the file", with_the_file)
    told("with the truth", with_the_truth)
    assert statistics.mean(seen) > 1.9
    assert min(with_the_file) > 0.7
    assert statistics.median(with_the_truth) > 0.6
    assert min(with_the_truth) > 0.4
    assert len({face.track.track_id for update in recorder.updates for face in update.faces}) == 2


def inside_window(image, clip):
    height, width = clip.pictures[0].shape[:2]
    return image[MARGIN[1] : MARGIN[1] + height, MARGIN[0] : MARGIN[0] + width]


def scanned_boxes(clip, detector, finder):
    """Track -> the median box of the face in the file, by the scanner, which must find two."""
    boxes = {}

    def note(sample, followed):
        for face in followed.faces:
            if face.detected:
                boxes.setdefault(face.track_id, []).append(corners(face.face))

    (item,) = expand([str(clip.path)], SourceOptions())
    finding = Scanner([(detector, 0.6)], finder, ScanSettings()).scan(item, observe=note)
    assert len(finding.faces) == 2
    return [FaceBox(*(float(edge) for edge in np.median(seen, axis=0)), 1.0) for seen in boxes.values()]


@pytest.mark.usefixtures("on_screen")
def test_watch_finds_the_faces_of_a_window_and_a_region(clip, toy, detector, new_finder, tmp_path):
    log, window = tmp_path / "events.jsonl", f"window:{TITLE}"
    command = [sys.executable, "-m", "unmask.cli.main", "watch", "--headless", window, region(clip)]
    options = ["--detector", str(toy), "--face-finder", "cascade", "--jsonl", str(log), "--max-seconds", "4"]
    done = subprocess.run(
        [*command, *options], env=os.environ.copy(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    in_file = scanned_boxes(clip, detector, new_finder())
    lines = read_lines(log)
    for source, offset in ((window, (0, 0)), (region(clip), MARGIN)):
        faces = [line for line in lines if line["type"] == "face" and line["source"] == source]
        assert len({line["track"] for line in faces}) == len(in_file) == 2, faces
        overlaps = [nearest(moved(line["box"], offset), in_file) for line in faces]
        told(source, overlaps)
        assert min(overlaps) > 0.7
        assert {line["verdict"] for line in faces} & {Verdict.SIGNS, Verdict.NO_SIGNS}
        assert SourceState.RUNNING in {line["state"] for line in lines if line["type"] == "state"}


def read_lines(log: Path):
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
