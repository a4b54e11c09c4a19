from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unmask.realtime.doctor import examine as examine_module
from unmask.realtime.doctor.examine import CHECKS, examine
from unmask.realtime.doctor.finding import Finding, isolated, parted, shown


def failing() -> Iterator[Finding]:
    yield Finding("group", "first", "ok", "Good.")
    raise RuntimeError("the driver\nsaid no")


def test_a_check_that_crashes_is_a_finding_and_keeps_what_it_found() -> None:
    first, crash = isolated("group", failing)
    assert first.name == "first"
    assert crash.state == "problem"
    assert "RuntimeError: the driver said no" in crash.text
    assert crash.remedy


def test_a_module_that_cannot_be_imported_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine_module, "CHECKS", {})
    found = examine({"broken": ("unmask.realtime.doctor.nowhere", "x"), "Python": CHECKS["Python"]})
    assert [(finding.group, finding.state) for finding in found] == [("broken", "problem"), ("Python", "ok")]


def test_what_is_not_right_needs_a_remedy() -> None:
    with pytest.raises(ValueError, match="needs a remedy"):
        Finding("group", "name", "note", "Something.")


@pytest.mark.parametrize(
    ("message", "text", "remedy"),
    [
        ("the file a/b is gone: install it again.", "The file a/b is gone.", "Install it again."),
        ("no X (a: b); run: pip install y", "No X (a: b).", "Run: pip install y"),
        ("torch is not installed; reinstall it", "torch is not installed.", "Reinstall it."),
        ("broken", "Broken.", "the default"),
    ],
)
def test_a_sentence_parts_into_what_and_remedy(message: str, text: str, remedy: str) -> None:
    assert parted(message, "the default") == (text, remedy)


def test_paths_are_shown_without_the_persons_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert shown(tmp_path / ".cache" / "x") == "~/.cache/x"
    assert shown("/var/x") == str(Path("/var/x"))


def test_here_every_group_is_looked_at_and_none_crashes() -> None:
    found = examine()
    assert {finding.group for finding in found} == set(CHECKS)
    crashed = [finding for finding in found if finding.name == "the check itself"]
    assert not crashed


def test_it_opens_no_connection_and_no_camera() -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*args, **_):\n"
        "    raise SystemExit(f'something connects: {args[1:]}')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import cv2\n"
        "cv2.VideoCapture = refuse\n"
        "import json\n"
        "from unmask.realtime.doctor.examine import examine\n"
        "print(json.dumps([finding.name for finding in examine()]))\n"
        "assert not {'torch', 'PyQt6.QtGui', 'openvino_telemetry.main'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "wheels" in json.loads(done.stdout)
