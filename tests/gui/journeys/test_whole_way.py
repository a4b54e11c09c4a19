"""From the first start to the end, and what the next start knows of it: real windows, real capture, real keys."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from journeys import PLAYS

PLAYER = Path(__file__).resolve().parents[2] / "support" / "player.py"


def told(stdout):
    """What the journey printed, by its first word."""
    parts = (line.partition(":") for line in stdout.splitlines())
    return {name: words.strip() for name, colon, words in parts if colon}


@pytest.mark.display
@pytest.mark.usefixtures("no_leaks")
def test_a_first_start_an_alert_and_everything_until_the_end(start, screen, clip, detector):
    screen.start(sys.executable, str(PLAYER), str(clip), "Video call", str(PLAYS[0]), str(PLAYS[1]))
    limit = time.monotonic() + 20
    while not screen.run("xdotool", "search", "--onlyvisible", "--name", "^Video call$"):
        assert time.monotonic() < limit, "the call does not play"
        time.sleep(0.1)
    watch = ("watch", "--detector", str(detector), "--face-finder", "cascade", "--engine", "ort-cpu")

    first = start("journeys", "whole-way", *watch)
    assert first.returncode == 0, first.stdout + first.stderr
    said = told(first.stdout)
    assert said["alert"].startswith("Signs of manipulation")
    assert said["pause"] == "Paused: nothing is watched here."
    assert said["scanned"] == "signs of manipulation"
    assert said["threads"] == ""
    assert said["files"] == "history.sqlite unmask.ini"

    second = start("journeys", "second-start", *watch)
    assert second.returncode == 0, second.stdout + second.stderr
    said = told(second.stdout)
    assert said["asked again"] == "False"
    assert said["size"] == "1000 720"
    assert said["sources"].split()[0] == "call.mp4"
    assert "region:" in said["sources"]
    assert int(said["history"]) >= 2, "a session and a scan"
    assert (said["threads"], said["files"]) == ("", "history.sqlite unmask.ini")
