from __future__ import annotations

import numpy as np
import pytest
from updates import BOX, face_state, update

from unmask.realtime.types import Verdict
from unmask.training.demo_check import DemoCheck
from unmask.training.synthesis.truth import FaceTruth, Truth

ELSEWHERE = (220.0, 10.0, 300.0, 90.0)
HERE = (BOX.x0, BOX.y0, BOX.x1, BOX.y1)


def truth(here_swapped, there_swapped=None):
    faces = tuple(
        FaceTruth(name, name, None, swapped, np.tile(np.float32(box), (100, 1)), np.zeros((100, 5, 2), np.float32))
        for name, swapped, box in (("Here", here_swapped, HERE), ("There", there_swapped, ELSEWHERE))
    )
    return Truth(320, 240, 25, 100, 1, faces, (), "test", "0" * 64)


def said(swapped, alarm_from, until=4.0):
    check = DemoCheck(truth(swapped))
    for number in range(int(until * 25)):
        verdict = Verdict.SIGNS if number / 25 >= alarm_from else Verdict.NO_SIGNS
        check.take(update(number / 25, face_state(verdict), sequence=number + 1))
    return check.lines()


@pytest.mark.parametrize(
    ("swapped", "alarm_from", "sentence"),
    [
        (None, 9.0, "no alarm, as it should be"),
        (None, 1.0, "a false alarm at 1.0 s"),
        ((2.0, 4.0), 9.0, "missed, this detector raised no alarm"),
        ((2.0, 4.0), 3.2, "alarm 1.2 s after the swap began."),
        ((2.0, 4.0), 1.0, "alarm 0.0 s after the swap began; a false alarm at 1.0 s"),
    ],
)
def test_each_face_is_held_against_its_truth(swapped, alarm_from, sentence):
    here, there = said(swapped, alarm_from)
    assert sentence in here
    assert there == "There, who stays as pictured: no alarm, as it should be.", "an alarm belongs to the face it is on"


def test_a_demo_that_ended_early_claims_nothing():
    assert "ended before the swap" in said((3.0, 4.0), 9.0, until=2.0)[0]
