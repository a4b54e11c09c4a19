"""A file may be played at its own speed, or not, whatever the session does with the others."""

from __future__ import annotations

import dataclasses

import pytest
from sessions import open_toy_detector, plan

from unmask.realtime.session import Session, SessionSettings


@pytest.mark.parametrize(
    ("of_session", "of_plan", "paced"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
@pytest.mark.usefixtures("no_leaks")
def test_the_pace_of_a_plan_goes_before_that_of_the_session(tmp_path, of_session, of_plan, paced):
    one = dataclasses.replace(plan(frames=3), pace=of_plan)
    with open_toy_detector(tmp_path / "toy") as detector:
        with Session([one], detector, SessionSettings(pace=of_session)) as session:
            (channel,) = session.channels
        assert (channel._pace, channel.capture._pace) == (paced, paced)
