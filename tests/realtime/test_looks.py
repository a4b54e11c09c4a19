"""What is kept of how faces are judged: only what somebody wants to see, and that exactly."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
from fake_detector import fake_detector
from fakes import ScriptedFinder, ScriptedSource, picture
from looking import brightness_map, looking_detector
from sessions import BOX, Recorder, open_toy_detector, plan, run
from updates import face_state, update

from unmask.engines.errors import EngineError
from unmask.engines.options import EngineOptions
from unmask.engines.package import load_package
from unmask.engines.registry import open_engine
from unmask.realtime.detector import Detector
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.looks import Looks, as_wanted, look_at, with_activation
from unmask.realtime.session import Session, SessionSettings
from unmask.realtime.sinks.ring import FrameRing
from unmask.realtime.types import Cause, Event, FaceBox

SHIPPED = Path(__file__).parents[2] / "detectors" / "unmask-lite"
ALL = frozenset({"activation", "crops", "landmarks"})
FACE = FaceBox(*BOX, 0.9)


def watched(detector, wanted, **options):
    """All that was said of a face in 4 s of a scripted source."""
    recorder = Recorder()
    session = Session([plan(**{"frames": 40, **options})], detector, sinks=[recorder])
    session.looks.wanted = frozenset(wanted)
    run(session)
    return [face for said in recorder.updates for face in said.faces]


def test_the_map_of_the_shipped_detector_is_that_of_a_direct_call_of_its_encoder():
    package = load_package(SHIPPED)
    with Detector.open(package, "ort-cpu") as detector:
        looks = [face.look for face in watched(detector, ALL, frames=25)]
        assert detector.gives_activation
    path, sha256 = package.encoder_file("fp32")
    seen = {look.time_s: look for look in looks if look is not None}
    assert len(seen) >= 6
    with open_engine("ort-cpu", path, EngineOptions(sha256=sha256)) as engine:
        for look in seen.values():
            direct = engine.infer({"crops": look.crop[np.newaxis]})
            assert np.array_equal(look.activation, direct["activation"][0])
            assert look.activation.mean() == pytest.approx(direct["logit"][0], abs=1e-4)
            assert look.logit_scale == package.manifest.calibration.scale


def test_nobody_looks_nothing_is_kept_and_the_scores_are_the_same():
    with looking_detector() as detector:
        unseen = watched(detector, ())
        seen = watched(detector, ALL)
    assert all(face.look is None for face in unseen)
    assert [face.score for face in unseen] == [face.score for face in seen]
    assert unseen == seen, "states that differ in their look alone are equal"


def test_only_what_is_wanted_is_kept():
    with looking_detector() as detector:
        only_map = [face.look for face in watched(detector, {"activation"}) if face.look is not None]
        only_crop = [face.look for face in watched(detector, {"crops"}) if face.look is not None]
    assert all(look.crop is None and look.activation is not None for look in only_map)
    assert all(look.crop is not None and look.activation is None for look in only_crop)
    assert only_map
    assert only_crop


def test_the_crop_is_the_array_that_the_encoder_got():
    with looking_detector(input={"size": 64, "colour": "bgr"}) as detector:
        look = watched(detector, ALL, frames=10)[-1].look
    frame = picture((BOX, (0, 0, 255)), seed=round(look.time_s * 25))
    assert np.array_equal(look.crop, crop_face(frame, FACE, CropSpec(64, 1.0, colour="bgr")))
    assert look.colour == "bgr"
    assert np.array_equal(look.activation, brightness_map(look.crop[np.newaxis])[0])


def test_switching_off_while_it_runs_lets_go_at_once():
    source = plan(frames=300)
    with looking_detector() as detector, Session([source], detector, SessionSettings(pace=True)) as session:
        session.looks.wanted = ALL
        assert _until(lambda: (look := _look(session)) is not None and look.activation is not None)
        session.looks.wanted = frozenset({"crops"})
        assert _until(lambda: (look := _look(session)) is not None and look.activation is None)
        session.looks.wanted = frozenset()
        assert _until(lambda: _look(session) is None)


def test_a_crop_that_is_not_fit_is_shown_with_its_causes():
    with looking_detector(quality={"min_face_px": 20, "min_sharpness": 1e6}) as detector:
        looks = [face.look for face in watched(detector, ALL) if face.look is not None]
    assert looks
    assert all(look.causes == (Cause.BLURRED,) and look.crop is not None for look in looks)
    assert all(look.activation is None for look in looks)


def test_a_detector_without_a_map_is_judged_all_the_same(tmp_path):
    with open_toy_detector(tmp_path / "toy") as detector:
        assert not detector.gives_activation
        faces = watched(detector, ALL)
        with pytest.raises(EngineError, match="toy gives no map"):
            detector.encode_and_explain(np.zeros((1, 64, 64, 3), np.uint8))
    assert any(face.score is not None for face in faces)
    assert all(face.look.activation is None for face in faces if face.look is not None)


def test_an_engine_that_hands_out_no_map_is_known():
    promised = looking_detector().manifest
    detector, _, _ = fake_detector(promised)
    assert not detector.gives_activation
    assert looking_detector().gives_activation


def test_no_crops_give_no_maps():
    embeddings, maps = looking_detector().encode_and_explain(np.zeros((0, 64, 64, 3), np.uint8))
    assert (embeddings.shape, maps.shape) == ((0, 8), (0, 8, 8))


def test_a_map_with_a_hole_is_no_map():
    look = look_at(FACE, np.zeros((8, 8, 3), np.uint8), CropSpec(8), ALL, (1.0, 1.1))
    assert with_activation(look, np.array([[1, np.nan]], np.float32), 1.0) is look
    assert with_activation(look, np.ones((1, 2), np.float32), 0.5).logit_scale == 0.5


def test_a_look_is_cut_down_to_what_is_wanted():
    look = look_at(FACE, np.zeros((8, 8, 3), np.uint8), CropSpec(8), ALL, (1.0, 1.1))
    look = with_activation(look, np.ones((2, 2), np.float32), 1.0)
    assert as_wanted(look, ALL) is look
    assert as_wanted(look, Looks().wanted) is None
    trimmed = as_wanted(look, frozenset({"landmarks"}))
    assert trimmed is not None
    assert trimmed.crop is None
    assert trimmed.activation is None


def test_the_ring_of_pictures_keeps_no_crops():
    look = look_at(FACE, np.zeros((8, 8, 3), np.uint8), CropSpec(8), ALL, (1.0, 1.1))
    ring, event = FrameRing(), Event(1, 0.9, None, 0.9)
    face = dataclasses.replace(face_state(event=event), look=look)
    ring.take(update(1.0, face, events=(event,)))
    kept = ring.frames("fake", event)
    ring.close()
    assert kept
    assert all(face.look is None for frame in kept for face in frame.faces)


def test_a_source_of_several_faces_gets_each_its_own():
    boxes = [FaceBox(20, 60, 120, 180, 0.9), FaceBox(180, 60, 280, 180, 0.9)]
    steps = [picture(((20, 60, 120, 180), (240, 240, 240)), seed=seed) for seed in range(30)]
    source = dataclasses.replace(
        plan(finder=ScriptedFinder(lambda _: boxes)), make=lambda: ScriptedSource(steps, source_id="fake")
    )
    with looking_detector() as detector:
        recorder = Recorder()
        session = Session([source], detector, sinks=[recorder])
        session.looks.wanted = ALL
        run(session)
    both = [said for said in recorder.updates if len(said.faces) == 2][-1]
    bright, dark = sorted(both.faces, key=lambda face: face.track.face.x0)
    assert bright.look.activation.mean() > 4 > 1 > dark.look.activation.mean()


def _look(session):
    said = session.updates().get("fake")
    return said.faces[0].look if said is not None and said.faces else None


def _until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
