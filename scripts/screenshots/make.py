"""Makes the pictures in docs/pictures: ``make screenshots``, or ``python scripts/screenshots/make.py NAME ...``.

Each picture is of the real program on an X server of its own (Xvfb with openbox), watching a synthetic call that is
made here from two photographs in the public domain. Where a picture shows an alarm the detector is ``stand-in``
(tests/support/stand_in.py), which the window names: the detector that ships raises no alarm on such a swap.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from footage import make_footage
from states import STATES, State
from window_driver import own_folders
from x_display import XServer, x_display

_SCREEN = (1600, 1000)
_PATIENCE_S = 90


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the pictures of the window's states.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones; all by default: {', '.join(STATES)}")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="where to write them")
    parser.add_argument("--footage", type=Path, help="keep the clips in this folder, and use those that are there")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(STATES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unmask-pictures-") as temporary:
        footage = (chosen.footage or Path(temporary)).resolve()
        if not (footage / "stand-in").is_dir():
            print("Making the clips ...", flush=True)
            footage.mkdir(parents=True, exist_ok=True)
            make_footage(footage)
        failed = [name for name in chosen.names or STATES if not _taken(STATES[name], footage, chosen.out)]
    if failed:
        print(f"Not made: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _taken(state: State, footage: Path, out: Path) -> bool:
    began = time.monotonic()
    problem = _take(state, footage, out)
    print(f"{state.name}: {problem or f'{time.monotonic() - began:.0f} s'}", flush=True)
    return not problem


def _take(state: State, footage: Path, out: Path) -> str:
    """Take the pictures of ``state`` in a process of its own; what went wrong, "" when nothing did."""
    with tempfile.TemporaryDirectory(prefix="unmask-home-") as home, x_display(*_SCREEN) as server:
        environment = {
            **own_folders(Path(home)),
            "DISPLAY": server.display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": "1",
            "HOME": home,
            "UNMASK_PICTURES": str(out.resolve()),
        }
        server.environment = environment
        server.start("openbox")
        _desk(server, footage, state)
        command = [sys.executable, str(Path(__file__).with_name("take.py")), state.name]
        try:
            done = subprocess.run(
                command, cwd=footage, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"not done within {_PATIENCE_S} s"
    return "" if done.returncode == 0 else f"{done.stdout[-1500:]}\n{done.stderr[-3000:]}"


def _desk(server: XServer, footage: Path, state: State) -> None:
    """A plain desk, and the call playing in a window where the picture needs one."""
    words = [str(footage / "call.mp4"), *map(str, state.player)] if state.player else []
    desk = Path(__file__).with_name("desk.py")
    server.start(sys.executable, str(desk), *words)
    # Its windows must lie under those of the program.
    limit = time.monotonic() + 30
    while time.monotonic() < limit and "Desk" not in server.run("xdotool", "search", "--name", "Desk", "getwindowname"):
        time.sleep(0.1)
    time.sleep(1.5 if state.player else 0.3)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # for this process, which shows nothing
    sys.exit(main())
