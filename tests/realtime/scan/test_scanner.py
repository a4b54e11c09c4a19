"""Whole scans of small real files with a tiny real detector: red faces are "manipulated", blue ones not."""

from __future__ import annotations

import dataclasses
import zipfile

import cv2
import pytest
from clips import ColourFinder, write_video
from fakes import BLUE, RED, picture
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.scan.header import report_header
from unmask.realtime.scan.html import render
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.results import as_json
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Cause, Verdict
from unmask.realtime.verdict import threshold_for

LEFT, RIGHT = (30, 60, 120, 150), (190, 60, 280, 150)
OPTIONS = SourceOptions()


def open_toy(folder, **overrides):
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    package = build_toy_package(folder, rule=rule, quality={"min_face_px": 20}, **overrides)
    return Detector.open(load_package(package), "ort-cpu")


@pytest.fixture
def detector(tmp_path):
    with open_toy(tmp_path / "toy") as opened:
        yield opened


@pytest.fixture
def scan(detector):
    def run(*given, **settings):
        scanner = Scanner([(detector, 0.6)], ColourFinder(), ScanSettings(**settings))
        return [scanner.scan(item) for item in expand([str(path) for path in given], OPTIONS)]

    return run


@pytest.fixture
def half_swapped(tmp_path):
    """Left stays blue; right is blue for 3 s and red for 3 s."""
    pictures = [picture((LEFT, BLUE), (RIGHT, BLUE if number < 75 else RED), seed=number) for number in range(150)]
    return write_video(tmp_path / "call.mp4", pictures)


def test_two_faces_are_told_apart_and_the_alarm_is_timed(scan, half_swapped):
    (item,) = scan(half_swapped)
    assert (item.kind, item.error) == ("video", "")
    assert item.face_share > 0.95
    assert item.duration_s == pytest.approx(6.0, abs=0.05)
    assert item.verdict is Verdict.SIGNS
    faces = {face.verdict: face for face in item.faces}
    assert set(faces) == {Verdict.SIGNS, Verdict.NO_SIGNS}
    assert item.score == faces[Verdict.SIGNS].score > 0.6 > faces[Verdict.NO_SIGNS].score
    (event,) = faces[Verdict.SIGNS].detectors[0].events
    assert 3.0 < event.start_s < 4.5
    assert event.end_s > 5.5


def test_a_budget_spreads_stretches_over_the_whole_and_keeps_persons_together(scan, tmp_path):
    pictures = [picture((LEFT, BLUE), (RIGHT, RED), seed=number) for number in range(500)]
    (item,) = scan(write_video(tmp_path / "long.mp4", pictures), most_frames=40)
    assert item.stretches == 4
    assert item.frames_analysed <= 40
    assert [face.verdict for face in item.faces].count(Verdict.SIGNS) == 1
    assert len(item.faces) == 2, "each person is one face, in every stretch"
    assert item.faces[0].first_s < 3
    assert item.faces[0].last_s > 16


def test_one_picture_is_judged_at_once(scan, tmp_path):
    for name, colour in (("red", RED), ("blue", BLUE)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture((LEFT, colour)))
    red, blue = scan(tmp_path / "red.png", tmp_path / "blue.png")
    assert (red.kind, red.verdict, red.frames_analysed) == ("image", Verdict.SIGNS, 1)
    assert blue.verdict is Verdict.NO_SIGNS
    assert red.score > 0.9
    assert blue.score < 0.1


def test_a_detector_that_wants_several_frames_abstains_on_one_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), picture((LEFT, RED)))
    with open_toy(tmp_path / "toy", single_image=False) as detector:
        scanner = Scanner([(detector, 0.6)], ColourFinder(), ScanSettings())
        (item,) = [scanner.scan(item) for item in expand([str(tmp_path / "red.png")], OPTIONS)]
    assert (item.verdict, item.score) == (Verdict.CANNOT_JUDGE, None)
    assert Cause.TOO_FEW_FRAMES in item.causes


def test_no_face_cannot_be_judged(scan, tmp_path):
    (item,) = scan(write_video(tmp_path / "empty.mp4", [picture(seed=number) for number in range(50)]))
    assert (item.verdict, item.causes, item.score) == (Verdict.CANNOT_JUDGE, (Cause.NO_FACE,), None)


def test_a_black_video_says_that_it_is_black(scan, tmp_path):
    (item,) = scan(write_video(tmp_path / "black.mp4", [picture() * 0] * 50))
    assert item.verdict is Verdict.CANNOT_JUDGE
    assert Cause.PICTURE_BLACK in item.causes


def test_bad_items_are_named_and_spoil_nothing(scan, tmp_path, half_swapped):
    (tmp_path / "broken.mp4").write_bytes(b"this is no video")
    broken, missing, good = scan(tmp_path / "broken.mp4", tmp_path / "nowhere.mp4", half_swapped)
    assert broken.error
    assert "does not exist" in missing.error
    assert good.verdict is Verdict.SIGNS
    assert (broken.verdict, broken.score) == (Verdict.CANNOT_JUDGE, None)


def test_folders_and_zips_give_an_item_for_each_thing_in_them(scan, tmp_path, half_swapped):
    (tmp_path / "sub").mkdir()
    cv2.imwrite(str(tmp_path / "sub" / "a2.png"), picture((LEFT, BLUE)))
    cv2.imwrite(str(tmp_path / "sub" / "a10.png"), picture((LEFT, RED)))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(half_swapped, "deep/call.mp4")
        archive.write(tmp_path / "sub" / "a10.png", "a10.png")
    folder = scan(tmp_path / "sub")
    assert [item.path.rsplit("/", 1)[1] for item in folder] == ["a2.png", "a10.png"]
    assert [item.verdict for item in folder] == [Verdict.NO_SIGNS, Verdict.SIGNS]
    assert [(item.kind, item.verdict) for item in scan(tmp_path / "all.zip")] == [
        ("image", Verdict.SIGNS),
        ("video", Verdict.SIGNS),
    ]


def test_a_folder_of_frames_can_be_one_video(detector, tmp_path):
    for number in range(60):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), picture((LEFT, RED), seed=number))
    scanner = Scanner([(detector, 0.6)], ColourFinder(), ScanSettings())
    (item,) = [scanner.scan(item) for item in expand([str(tmp_path)], OPTIONS, sequence=True)]
    assert (item.kind, item.verdict) == ("frames", Verdict.SIGNS)
    assert len(item.faces) == 1


def test_an_ensemble_shows_what_each_detector_said(tmp_path, half_swapped):
    with open_toy(tmp_path / "a", name="one") as one, open_toy(tmp_path / "b", name="two", stride_ms=200) as two:
        scanner = Scanner([(one, 0.6), (two, 0.6)], ColourFinder(), ScanSettings(vote="majority"))
        (item,) = [scanner.scan(item) for item in expand([str(half_swapped)], OPTIONS)]
    assert item.verdict is Verdict.SIGNS
    face = next(face for face in item.faces if face.verdict is Verdict.SIGNS)
    assert [finding.detector for finding in face.detectors] == ["one", "two"]
    assert all(finding.verdict is Verdict.SIGNS for finding in face.detectors)
    assert [found["name"] for found in face.as_json()["detectors"]] == ["one", "two"]


def test_the_json_keeps_its_promise(scan, detector, half_swapped):
    settings = ScanSettings()
    threshold = threshold_for(detector.manifest, 1.0)
    report = as_json(scan(half_swapped, "nowhere.mp4"), report_header([(detector, threshold)], "colour", settings))
    assert report["version"] == 1
    assert report["detector"]["name"] == "toy"
    item, missing = report["items"]
    keys = {"path", "kind", "duration_s", "frames_analysed", "verdict", "score", "causes", "faces"}
    assert keys <= item.keys()
    assert item["verdict"] == "signs_of_manipulation"
    face = item["faces"][0]
    assert {"track", "first_s", "last_s", "frames", "score", "verdict", "causes", "timeline"} <= face.keys()
    assert all(0 <= score <= 1 and 0 <= time_s <= 6 for time_s, score in face["timeline"])
    assert missing["error"]
    assert missing["score"] is None


@pytest.mark.parametrize("crops", [False, True])
def test_the_page_needs_nothing_else_and_shows_pictures_only_when_asked(scan, detector, half_swapped, crops):
    header = report_header([(detector, threshold_for(detector.manifest, 1.0))], "<colour>", ScanSettings())
    page = render(scan(half_swapped, "no<where>.mp4", crops=crops), header)
    assert ("data:image/jpeg" in page) is crops
    assert page.count("<svg") == 2
    assert "class='alarm'" in page
    assert "signs of manipulation" in page
    assert "<where>" not in page, "names are escaped"
    for outside in ("http://", "src='/", "src='http", "href", "<script", "<link", "url("):
        assert outside not in page


def test_an_address_that_cannot_be_is_an_item_with_an_error(scan, half_swapped):
    bad, long, good = scan("ftp://host/call.mp4", "nosuch://host/" + "a" * 400, half_swapped)
    assert "ftp://host/call.mp4" in bad.error
    assert long.error
    assert good.verdict is Verdict.SIGNS


def test_a_long_recording_that_tells_no_length_is_covered_evenly_too(scan, tmp_path, monkeypatch):
    pictures = [picture((LEFT, BLUE if number < 150 else RED), seed=number) for number in range(250)]
    path = write_video(tmp_path / "long.mp4", pictures, fps=12)
    opened = VideoFileSource.open
    monkeypatch.setattr(VideoFileSource, "open", lambda source: dataclasses.replace(opened(source), duration_s=None))
    (item,) = scan(path, most_frames=40)
    assert item.stretches == 4
    assert item.verdict is Verdict.SIGNS, "the end is looked at like the beginning"
    assert item.duration_s == pytest.approx(250 / 12, abs=0.1)
    (whole,) = scan(path)
    assert (whole.stretches, whole.verdict) == (1, Verdict.SIGNS)
