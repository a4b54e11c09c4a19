from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.engines.errors import UsageError
from unmask.realtime.cadence import Cadence, CadenceSettings, Outlook, Reason

STEADY = Outlook(tracks=1, speed=0.0, confidence=0.9)


def reasons(cadence: Cadence, times: list[float], outlook: Outlook = STEADY) -> list[Reason | None]:
    return [cadence.search(time_s, outlook) for time_s in times]


def started(outlook: Outlook = STEADY) -> Cadence:
    """Searched at 0, one frame later not."""
    cadence = Cadence()
    assert reasons(cadence, [0.0, 0.03], outlook)[0] is Reason.FIRST
    return cadence


def test_a_steady_face_is_searched_four_times_a_second() -> None:
    got = reasons(Cadence(), [index / 30 for index in range(31)])
    searched = [index for index, reason in enumerate(got) if reason]
    assert searched[0] == 0
    assert set(np.diff(searched)) == {7}  # 0.233 s: the next frame would be later than 0.25 s
    assert set(got) == {Reason.FIRST, Reason.OVERDUE, None}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(5, 240), st.booleans(), st.floats(0, 3))
def test_at_any_frame_rate_no_stretch_is_longer_than_promised(seed: int, fps: float, calm: bool, load: float) -> None:
    cadence = Cadence()
    cadence.calm = calm
    step = 1 / fps
    times = np.cumsum(np.random.default_rng(seed).uniform(0.9, 1.0, int(4 * fps)) * step).tolist()
    searched = [time_s for time_s in times if cadence.search(time_s, STEADY, load=load)]
    assert max(np.diff(searched)) <= max(0.25 + 0.2 * step, step) + 1e-6


@pytest.mark.parametrize("fps", [1.0, 4.0])
def test_every_frame_of_a_slow_source_is_searched(fps: float) -> None:
    assert None not in reasons(Cadence(), [index / fps for index in range(12)])


@pytest.mark.parametrize(
    ("outlook", "reason"),
    [
        (Outlook(unconfirmed=True), Reason.NEW),
        (Outlook(tracks=1, missing_s=0.2), Reason.MISSING),
        (Outlook(tracks=1, confidence=0.52), Reason.UNSURE),
        (Outlook(tracks=1, speed=3.0), Reason.MOVING),
        (Outlook(tracks=1, missing_s=0.9), None),
        (Outlook(tracks=1, speed=0.5), None),
    ],
)
def test_what_may_have_changed_is_looked_at(outlook: Outlook, reason: Reason | None) -> None:
    assert started().search(0.06, outlook) is reason


def test_a_check_that_the_finder_put_off_gets_a_frame_of_its_own() -> None:
    assert started().search(0.06, STEADY, check_due=True) is Reason.CHECK
    assert started().search(0.06, STEADY, check_due=True, crop_due=True) is Reason.CROP_DUE
    assert started().search(0.06, STEADY, check_due=True, load=1.2) is None
    calm = started()
    calm.calm = True
    assert calm.search(0.06, STEADY, check_due=True) is None


def test_after_a_cut_every_frame_is_searched_for_a_moment() -> None:
    cadence = started()
    assert cadence.search(0.1, STEADY, cut=True) is Reason.CUT
    assert reasons(cadence, [0.15, 0.25, 0.31]) == [Reason.SETTLING, Reason.SETTLING, None]
    assert cadence.search(0.35, STEADY, cut=True) is Reason.CUT
    cadence.reset()
    assert reasons(cadence, [0.4, 0.45]) == [Reason.FIRST, None]


def test_a_faster_face_is_searched_sooner() -> None:
    times = [index / 60 for index in range(60)]
    counts = [
        sum(map(bool, reasons(Cadence(), times, Outlook(tracks=1, speed=speed)))) for speed in (0.0, 1.0, 3.0, 20.0)
    ]
    assert counts == sorted(counts)
    assert counts[-1] == len(times)


@pytest.mark.parametrize("restless", [Outlook(unconfirmed=True), Outlook(tracks=1, speed=9.0, confidence=0.3)])
def test_under_load_and_when_calm_only_what_must_be_is_searched(restless: Outlook) -> None:
    assert started().search(0.06, restless, load=1.2) is None
    calm = started()
    calm.calm = True
    assert calm.search(0.06, restless) is None
    assert calm.search(0.09, restless, crop_due=True) is Reason.CROP_DUE
    assert calm.search(0.10, restless, cut=True, load=5.0) is Reason.CUT


def test_a_budget_may_stretch_the_longest_wait() -> None:
    cadence = Cadence()
    cadence.longest_s = 0.4
    got = reasons(cadence, [index / 10 for index in range(9)])
    assert [index for index, reason in enumerate(got) if reason] == [0, 4, 8]


def test_a_timeline_that_starts_over_and_a_reset_are_searched_at_once() -> None:
    cadence = started()
    assert cadence.search(0.01, STEADY) is Reason.FIRST
    cadence.reset()
    assert cadence.search(0.02, STEADY) is Reason.FIRST


@pytest.mark.parametrize("longest_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_wait_that_cannot_be_is_refused(longest_s: float) -> None:
    with pytest.raises(UsageError, match="searched"):
        CadenceSettings(longest_s=longest_s)
