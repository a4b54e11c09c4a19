"""A scan that is cancelled ends soon, whatever it is at, and gives no finding."""

from __future__ import annotations

import functools
import threading
import time

import pytest
from clips import ColourFinder, write_video
from fakes import RED, ScriptedSource, picture
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.scan.items import ScanItem, expand
from unmask.realtime.scan.scanner import ScanCancelled, Scanner, ScanSettings
from unmask.realtime.sources.registry import SourceOptions

BOX = (80, 60, 200, 180)


@pytest.fixture
def scanner(tmp_path):
    with Detector.open(load_package(build_toy_package(tmp_path / "toy")), "ort-cpu") as detector:
        yield Scanner([(detector, 0.6)], ColourFinder(), ScanSettings())


def clip(folder, frames=200):
    return write_video(folder / "clip.mp4", [picture((BOX, RED), seed=number) for number in range(frames)])


@pytest.mark.usefixtures("no_leaks")
def test_in_the_middle_no_further_frame_is_analysed(scanner, tmp_path):
    (item,) = expand([str(clip(tmp_path))], SourceOptions())
    seen = []

    def observe(sample, followed):
        seen.append(sample.frame.index)
        if len(seen) == 5:
            scanner.cancel()

    with pytest.raises(ScanCancelled):
        scanner.scan(item, observe=observe)
    assert len(seen) == 5


def test_before_it_began_nothing_is_opened(scanner):
    made = []
    scanner.cancel()
    source = ScriptedSource([picture()])
    with pytest.raises(ScanCancelled):
        scanner.scan(ScanItem("x", "video", lambda: made.append(1) or source))
    assert source.close_calls == 1
    assert not hasattr(source, "_opened_at")


@pytest.mark.usefixtures("no_leaks")
@pytest.mark.parametrize("length", [None, 100.0], ids=["being measured", "being analysed"])
def test_a_source_that_blocks_is_closed_under_it(scanner, monkeypatch, length):
    source = ScriptedSource([picture((BOX, RED), seed=number) for number in range(3)], hang=True)
    opened = source.open
    import dataclasses

    monkeypatch.setattr(source, "open", lambda: dataclasses.replace(opened(), duration_s=length))
    item = ScanItem("x", "video", lambda: source)
    ended = []

    def work():
        try:
            scanner.scan(item)
        except ScanCancelled:
            ended.append("cancelled")

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 5
    while source._index < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    scanner.cancel()
    thread.join(5)
    assert ended == ["cancelled"]


def test_a_cancelled_scanner_stays_so(scanner, tmp_path):
    items = expand([str(clip(tmp_path, 30))], SourceOptions())
    scanner.cancel()
    for item in items * 2:
        with pytest.raises(ScanCancelled):
            functools.partial(scanner.scan, item)()
