from __future__ import annotations

import io

import pytest
from rich.console import Console

from unmask.realtime.scan.results import DetectorFinding, FaceFinding, ItemFinding, unreadable
from unmask.realtime.scan.table import MOST_FACES, findings_table, short_names
from unmask.realtime.types import Cause, Verdict


def face(track, verdict, score, *causes, detectors=("one",)):
    each = tuple(DetectorFinding(name, verdict, causes, score, 0.5, True, (), ()) for name in detectors)
    return FaceFinding(track, 0.0, 2.0, 16, verdict, causes, score, (), each)


def text_of(*items):
    out = io.StringIO()
    Console(file=out, width=120).print(findings_table(items))
    return out.getvalue()


def item(*faces, path="clip.mp4", verdict=Verdict.NO_SIGNS, score=0.2):
    return ItemFinding(path, "video", 2.0, 16, verdict, (), score, faces, face_share=1.0)


def test_one_face_needs_no_row_of_its_own():
    text = text_of(item(face(1, Verdict.NO_SIGNS, 0.2)))
    assert "no signs found" in text
    assert "face 1," not in text


def test_many_faces_are_summed_up_the_most_suspicious_first():
    faces = [face(number, Verdict.NO_SIGNS, number / 100) for number in range(12)]
    unjudged = [face(number, Verdict.CANNOT_JUDGE, None, Cause.BLURRED) for number in range(20, 23)]
    text = text_of(item(*faces, *unjudged))
    assert text.index("face 11,") < text.index("face 10,")
    assert text.count("0.0-2.0 s") == MOST_FACES
    assert "4 more faces" in text
    assert "3 faces" in text
    assert "mostly because the face is blurred" in text


def test_an_ensemble_shows_each_detectors_score():
    text = text_of(item(face(1, Verdict.SIGNS, 0.7, detectors=("one", "two"))))
    assert "one 0.70, two 0.70" in text


def test_an_error_stands_in_its_row():
    assert "cannot judge: it is no video" in text_of(unreadable("a.mp4", "video", "it is no video"))


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/b/c.mp4"], ["c.mp4"]),
        (["/a/b/c.mp4", "/a/d/e.mp4"], ["b/c.mp4", "d/e.mp4"]),
        (["c.mp4"], ["c.mp4"]),
        (["/a/c.mp4", "b.mp4"], ["/a/c.mp4", "b.mp4"]),
        (["https://host/x.mp4", "/a/c.mp4"], ["https://host/x.mp4", "c.mp4"]),
    ],
)
def test_folders_that_all_share_are_left_out(paths, names):
    assert short_names(paths) == names
