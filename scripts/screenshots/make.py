"""Makes the pictures in docs/pictures: ``make screenshots``, ``make screenshots ARGS="start grid"`` for some of them.

Each picture is of the real program on an X server of its own (Xvfb with openbox), watching a synthetic call that is
made here from two photographs in the public domain. Where a picture shows an alarm the detector is ``stand-in``
(tests/support/stand_in.py), which the window names: the detector that ships raises no alarm on such a swap.

It needs tests/support on the PYTHONPATH, and the face finder's file, which is fetched where it is not there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from footage import make_footage
from states import STATES, State
from x_display import XServer, x_display

from unmask.engines.errors import UnmaskError
from unmask.realtime.faces.models import fetch_model, find_model
from unmask.realtime.faces.registry import MODEL_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 180
#: Where a person has them: the privacy page shows it.
_FOLDERS = {
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_CONFIG_HOME": ".config",
    "XDG_STATE_HOME": ".local/state",
}
_PROGRAMS = ("Xvfb", "openbox", "xdotool")
#: What all of them may weigh together in the repository.
_LARGEST_SUM = 2_500_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the pictures of the window's states.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones; all by default: {', '.join(STATES)}")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", help="where to write them")
    parser.add_argument("--footage", type=Path, help="keep the clips in this folder, and use those that are there")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(STATES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        parser.error(f"{', '.join(missing)} must be installed: scripts/system_libraries.sh test does that")
    try:
        face_model = _face_model()
    except UnmaskError as error:
        parser.error(str(error))
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unmask-pictures-") as temporary:
        footage = (chosen.footage or Path(temporary)).resolve()
        if not (footage / "stand-in").is_dir():
            print("Making the clips ...", flush=True)
            footage.mkdir(parents=True, exist_ok=True)
            make_footage(footage)
        names = chosen.names or list(STATES)
        failed = [name for name in names if not _taken(STATES[name], footage, chosen.out, face_model)]
    if failed:
        print(f"Not made: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed or _too_large(chosen.out) else 0


def _face_model() -> str:
    """Its file: each picture is taken in a home of its own, into which it would be fetched anew."""
    return os.environ.get(MODEL_VARIABLE, "").strip() or str(find_model("buffalo_s") or fetch_model("buffalo_s"))


def _too_large(out: Path) -> bool:
    size = sum(path.stat().st_size for path in out.glob("*.png"))
    print(f"{size / 1e6:.2f} MB in {out}")
    if size > _LARGEST_SUM:
        print(f"That is more than {_LARGEST_SUM / 1e6:g} MB: show less in some of them.", file=sys.stderr)
    return size > _LARGEST_SUM


def _taken(state: State, footage: Path, out: Path, face_model: str) -> bool:
    began = time.monotonic()
    problem = _take(state, footage, out, face_model)
    print(f"{state.name}: {problem or f'{time.monotonic() - began:.0f} s'}", flush=True)
    return not problem


def _take(state: State, footage: Path, out: Path, face_model: str) -> str:
    """Take the pictures of ``state`` in a process and a home of its own; what went wrong, "" when nothing did."""
    with tempfile.TemporaryDirectory(prefix="unmask-home-") as home, x_display(*state.screen) as server:
        environment = {
            **os.environ,
            **{name: str(Path(home, folder)) for name, folder in _FOLDERS.items()},
            "DISPLAY": server.display,
            "QT_QPA_PLATFORM": "xcb",
            "QT_SCALE_FACTOR": "1",
            "HOME": home,
            "UNMASK_PICTURES": str(out.resolve()),
            "PYTHONPATH": _absolute(os.environ.get("PYTHONPATH", "")),
            MODEL_VARIABLE: str(Path(face_model).expanduser().resolve()),
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


def _absolute(paths: str) -> str:
    """It runs among the clips, so that they have short names."""
    return os.pathsep.join(os.path.abspath(path) for path in paths.split(os.pathsep) if path)


def _desk(server: XServer, footage: Path, state: State) -> None:
    """A plain desk, and the call playing in a window where the picture needs one."""
    words = [str(footage / "small call.mp4"), *map(str, state.player)] if state.player else []
    desk = Path(__file__).with_name("desk.py")
    server.start(sys.executable, str(desk), *words)
    # Its windows must lie under those of the program.
    limit = time.monotonic() + 30
    while time.monotonic() < limit and "Desktop" not in server.run(
        "xdotool", "search", "--name", "Desktop", "getwindowname"
    ):
        time.sleep(0.1)
    time.sleep(1.5 if state.player else 0.3)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # for this process, which shows nothing
    sys.exit(main())
