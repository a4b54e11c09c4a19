"""Takes the pictures of one state, in this process and on the display that it is started on: ``take.py NAME``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))

from states import STATES
from window_driver import drive, settle


def player_region() -> str:
    """The picture of the call that plays on the desk, as a source."""
    found = subprocess.run(
        ["xdotool", "search", "--name", "^Video call$", "getwindowgeometry", "--shell"],
        capture_output=True,
        text=True,
        check=True,
    )
    place = dict(line.split("=") for line in found.stdout.split())
    return f"region:{place['X']},{place['Y']},{place['WIDTH']},{place['HEIGHT']}"


if __name__ == "__main__":
    state = STATES[sys.argv[1]]
    settle({"monitor/detector": "stand-in", "monitor/engine": "ort-cpu", **state.settings})
    arguments = [player_region() if word == "{player}" else word for word in state.arguments]
    # 0: all went well; 2: a source failed, as it was meant to. What goes wrong in the script is raised.
    sys.exit(0 if drive(arguments, state.script) in state.ends else 1)
