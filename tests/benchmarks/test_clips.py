"""The clips benchmark: halves cut in memory, identities counted, a table of what the scanner says."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import skimage.data
from clips import write_video
from fakes import BLUE, RED, picture
from toy_package import build_toy_package

from unmask.benchmarks.clips import SWITCH_WITHIN_S, FollowTally, HalfSource, half_items, main
from unmask.engines.errors import UsageError
from unmask.realtime.follow import Followed
from unmask.realtime.scan.sampling import Sample
from unmask.realtime.types import Cause, FaceBox, Frame, TrackedFace

HERE, THERE = (80, 60, 200, 180), (10, 60, 70, 120)
STEP_S = 0.1


def tally_of(*moments, images=None, fresh=(), causes=None):
    """Run a tally over ``moments``, each a list of (track, box, detected); one every 0.1 s."""
    tally, began = FollowTally(), {}
    for number, faces in enumerate(moments):
        time_s = number * STEP_S
        tracked = tuple(
            TrackedFace(track, FaceBox(*box, 0.9), detected, began.setdefault(track, time_s), time_s)
            for track, box, detected in faces
        )
        image = picture(seed=0) if images is None else images[number]
        sample = Sample(Frame(image, 0, time_s, number, "made"), number in fresh)
        tally(sample, Followed(tracked, (causes or {}).get(number, ()), 0, 0))
    return tally


ONE, NONE, OTHER = [(1, HERE, True)], [], [(2, HERE, True)]


def test_a_track_in_the_place_of_one_that_just_ended_is_a_switch():
    tally = tally_of(ONE, ONE, NONE, OTHER, OTHER)
    assert (tally.switches, tally.tracks, tally.frames, tally.boxes) == (1, {1, 2}, 5, 4)
    assert tally.faces_per_frame == 0.8


def test_a_track_over_one_that_coasts_is_a_switch():
    assert tally_of(ONE, [(1, HERE, False), (2, HERE, True)]).switches == 1


@pytest.mark.parametrize(
    ("moments", "options"),
    [
        ([ONE, ONE, ONE], {}),
        ([ONE, [(2, THERE, True)]], {}),
        ([ONE, [(1, HERE, True), (2, HERE, True)]], {}),
        ([ONE, *[NONE] * round(SWITCH_WITHIN_S / STEP_S), OTHER], {}),
        ([ONE, OTHER], {"fresh": {0, 1}}),
    ],
    ids=["the same track", "elsewhere", "beside it", "long after", "in another stretch"],
)
def test_no_switch(moments, options):
    assert tally_of(*moments, **options).switches == 0


def test_a_cut_ends_every_identity_and_is_counted():
    scenes = [picture(), cv2.cvtColor(skimage.data.astronaut()[:240, :320], cv2.COLOR_RGB2BGR)]
    tally = tally_of(ONE, OTHER, images=scenes)
    assert (tally.switches, tally.cuts) == (0, 1)
    black = tally_of(ONE, NONE, OTHER, images=[scenes[0], scenes[0] * 0, scenes[0]], causes={1: (Cause.PICTURE_BLACK,)})
    assert (black.switches, black.cuts) == (1, 0), "a short blackout is no cut"


@pytest.fixture
def pair(tmp_path):
    """Blue to the left, red to the right, 2 s."""
    pictures = [picture(((0, 0, 160, 240), BLUE), ((160, 0, 320, 240), RED), seed=number) for number in range(50)]
    return write_video(tmp_path / "pair.mp4", pictures)


@pytest.mark.parametrize(("side", "channel"), [("left", 0), ("right", 2)])
def test_a_half_is_a_source_of_its_own(pair, side, channel):
    source = HalfSource(pair, side, "half")
    info = source.open()
    assert (info.width, info.height, info.source_id) == (160, 240, "half")
    frames = list(source.frames_at([0.0, 0.01, 1.0]))
    source.close()
    assert frames[0] is frames[1]
    for frame in frames:
        assert frame.image.shape == (240, 160, 3)
        assert frame.image.flags.c_contiguous
        assert not frame.image.flags.writeable
        assert int(np.argmax(frame.image[:, 8:-8].mean(axis=(0, 1)))) == channel


def test_only_videos_have_halves(pair, tmp_path):
    cv2.imwrite(str(tmp_path / "still.png"), picture())
    assert [item.path.rsplit(", ", 1)[1] for item in half_items([str(pair)])] == [
        "left half (as it is)",
        "right half (swapped)",
    ]
    with pytest.raises(UsageError, match="has no halves"):
        list(half_items([str(tmp_path / "still.png")]))


def test_the_table_and_the_json(tmp_path, capsys):
    face = cv2.cvtColor(skimage.data.astronaut()[:256, 90:346], cv2.COLOR_RGB2BGR)
    moving = [cv2.convertScaleAbs(face, alpha=1.0, beta=number % 7) for number in range(30)]
    write_video(tmp_path / "one.mp4", moving)
    write_video(tmp_path / "two.mp4", [np.hstack([image, np.full_like(image, 90)]) for image in moving])
    toy = build_toy_package(tmp_path / "toy", quality={"min_face_px": 20})
    options = ["--detector", str(toy), "--face-finder", "cascade", "--json", str(tmp_path / "out.json")]
    code = main([str(tmp_path / "one.mp4"), "nowhere.mp4", *options, "--halves", str(tmp_path / "two.mp4")])
    out = capsys.readouterr().out
    assert code == 0
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0][2:] for row in rows[1:]] == [
        "one.mp4",
        "nowhere.mp4",
        "two.mp4, left half (as it is)",
        "two.mp4, right half (swapped)",
    ]
    assert len({row.count(" | ") for row in rows}) == 1, "every row has every column"
    assert "toy 1.0.0" in out
    clips = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["clips"]
    assert [(clip["tracks"], clip["track_switches"]) for clip in clips] == [(1, 0), (0, 0), (1, 0), (0, 0)]
    assert "no face in the picture" in rows[4]
    assert clips[0]["faces_per_frame"] > 0.8
    assert "does not exist" in clips[1]["error"]


@pytest.mark.parametrize(("given", "sentence"), [([], "nothing to look at"), (["x", "--detector", "no"], "no")])
def test_what_cannot_be_done_is_one_sentence(given, sentence, capsys):
    assert main(given) == 2
    assert sentence in capsys.readouterr().err
