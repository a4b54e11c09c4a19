"""The Python of docs/API.md, taken from the page as it stands and run, and the helpers that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from clips import write_video

from unmask.engines.errors import UsageError
from unmask.realtime.api import scan, updates, watching
from unmask.realtime.faces.registry import FaceFinderSettings
from unmask.realtime.types import SourceState, Verdict

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SECONDS, FPS = 4, 10
VERDICTS = {verdict.words for verdict in Verdict}
CASCADE = FaceFinderSettings(kind="cascade")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder with ``call.mp4``, four seconds of a portrait that the camera pans over, and a picture in a folder."""
    folder = tmp_path_factory.mktemp("material")
    portrait = skimage.data.astronaut()[:240, 100:380, ::-1]
    noise = np.random.default_rng(0)
    frames = [
        np.clip(np.roll(portrait, number, axis=1) + noise.integers(-3, 4, portrait.shape), 0, 255).astype(np.uint8)
        for number in range(SECONDS * FPS)
    ]
    write_video(folder / "call.mp4", frames, FPS)
    (folder / "pictures").mkdir()
    cv2.imwrite(str(folder / "pictures" / "portrait.png"), portrait)
    return folder


@pytest.fixture(autouse=True)
def beside_the_material(material, monkeypatch):
    """Where the examples are run: with the shipped detector, and the face finder that every machine has."""
    monkeypatch.chdir(material)
    monkeypatch.setenv("UNMASK_OFFLINE", "1")


def run(title, capsys):
    """What the example under the heading ``title`` prints."""
    (code,) = [code for name, code in EXAMPLES if name == title]
    exec(compile(code, f"docs/API.md, {title}", "exec"), {"__name__": "__main__"})
    return capsys.readouterr().out


def test_every_block_of_python_has_a_test():
    assert PAGE.count("```python") == len(EXAMPLES)
    titles = ["Watching, in ten lines", "Scanning", "Every update: a sink of your own", "The parts themselves"]
    assert [title for title, _ in EXAMPLES] == titles


def test_watching_takes_ten_lines(capsys):
    code = dict(EXAMPLES)["Watching, in ten lines"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    lines = run("Watching, in ten lines", capsys).splitlines()
    assert lines, "a verdict is printed"
    words = [line.split(" s ", 1)[1] for line in lines if line]
    assert all(any(said.startswith(verdict) for verdict in VERDICTS) for said in words)
    assert lines[-1] == "", "nothing failed"


def test_scanning(capsys):
    out = run("Scanning", capsys).splitlines()
    assert [line.split()[0] for line in out if not line.startswith(" ")] == ["call.mp4", "pictures/portrait.png"]
    assert sum(line.startswith("  face 1,") for line in out) == 2


def test_a_sink_of_your_own(capsys):
    assert re.search(r"^\d+ alarms$", run("Every update: a sink of your own", capsys), re.MULTILINE)


def test_the_parts_themselves(capsys):
    out = run("The parts themselves", capsys)
    assert f"the call: 1 face followed, {SECONDS * FPS} frames analysed" in out


def test_the_updates_end_with_the_source_and_hold_every_alarm(toy, capsys):
    with watching("call.mp4", detector=str(toy), faces=CASCADE, say=pytest.fail) as session:
        seen = list(updates(session))
    assert seen[-1].state is SourceState.ENDED
    assert seen[-1].verdict is Verdict.SIGNS, "the toy takes a red face for a manipulated one"
    assert len(seen[-1].events) == 1
    assert session.failures == []


def test_the_updates_end_when_somebody_stops_the_session(toy):
    count = 0
    with watching("synthetic", detector=str(toy), faces=CASCADE) as session:
        for _ in updates(session, every_s=0.02):
            count += 1
            if count == 3:
                session.stop()
    assert 3 <= count <= 6


def test_a_scan_says_of_each_thing_what_is_wrong_with_it(toy):
    found = list(scan("call.mp4", "nothing.mp4", detector=str(toy), faces=CASCADE))
    assert [finding.verdict for finding in found] == [Verdict.SIGNS, Verdict.CANNOT_JUDGE]
    assert "does not exist" in found[1].error


def test_nothing_to_watch_is_said():
    with pytest.raises(UsageError, match="name a source"), watching():
        pytest.fail("there is nothing to watch")
