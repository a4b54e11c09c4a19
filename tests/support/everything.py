"""Uses everything that needs no address, in one process: ``python everything.py CLIP DETECTOR [WINDOW]``.

First the commands, then the window with every feature switched on. Prints a line for each, and fails with the first
that does not do what it should. For tests of what must not happen meanwhile, whatever is used.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Generator
from pathlib import Path

from unmask.cli.main import main


def commands(clip: Path, detector: Path, out: Path) -> list[tuple[list[str], tuple[int, ...]]]:
    """Each with the exit codes that are right."""
    judged = ["--detector", str(detector), "--face-finder", "cascade", "--engine", "ort-cpu"]
    reports = ["--json", str(out / "scan.json"), "--html", str(out / "scan.html"), "--crops"]
    logs = ["--jsonl", str(out / "watch.jsonl"), "--record", str(out / "watch.mp4")]
    return [
        (["doctor", "--json"], (0, 1)),
        (["engines"], (0,)),
        (["detectors", "list"], (0,)),
        (["detectors", "show", "unmask-lite"], (0,)),
        (["detectors", "verify", "unmask-lite"], (0,)),
        (["sources"], (0,)),
        (["scan", str(clip), *judged, *reports, "--history", "--frames", "40"], (0,)),
        (["watch", str(clip), "--headless", *judged, *logs, "--history", "--max-seconds", "3"], (0,)),
        (["history", "list"], (0,)),
        (["history", "search", clip.stem], (0,)),
        (["history", "show", "1"], (0,)),
        (["history", "export", str(out / "history.json")], (0,)),
    ]


def use_the_commands(clip: Path, detector: Path, out: Path) -> None:
    for words, right in commands(clip, detector, out):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(words)
        print(" ".join(words[:2]), code, flush=True)
        assert code in right, said.getvalue()


def use_other_people_s_libraries(out: Path) -> None:
    """What is loaded on demand only, and what has reported to its makers before: OpenVINO, yt-dlp, matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from unmask.engines.openvino import why_unavailable
    from unmask.realtime.sources.page import page_problem

    print("openvino:", why_unavailable() or "loaded")
    print("yt-dlp:", page_problem() or "loaded")
    figure = Figure()
    FigureCanvasAgg(figure)
    figure.add_subplot().set_title("letters need fonts, which are looked for the first time")
    figure.savefig(out / "plot.png")
    print("matplotlib: loaded", flush=True)


def use_the_window(clip: Path, detector: Path) -> None:
    from window_driver import Condition, Driver, drive, settle, shown

    from unmask.gui.qt import QDialog
    from unmask.gui.scanning.panel import ScanPanel

    dialogs = ("preferences", "privacy", "detector", "sensitivity", "keyboard", "limits", "about", "history")

    def script(driver: Driver) -> Generator[Condition, None, None]:
        yield "an alarm", lambda: driver.window.alarms.table.rowCount() > 0
        for action in (*dialogs, "add_source"):
            driver.trigger(action)
            yield driver.dialog()
            yield 0.2
            for dialog in shown(QDialog):
                dialog.close()
            yield f"the end of {action}", lambda: not shown(QDialog)
        driver.drop([clip])
        panel = driver.window.findChild(ScanPanel)
        assert panel is not None
        yield "the scan", lambda: panel.running
        yield "the end of the scan", lambda: not panel.running

    switches = ("alerts/notify", "alerts/sound", "alerts/flash", "view/heat_map", "view/landmarks", "view/crops")
    on = dict.fromkeys((*switches, "view/details", "privacy/history", "privacy/pictures"), True)
    settle({**on, "overlay/mode": "pill"})
    words = ["watch", str(clip), "--detector", str(detector), "--face-finder", "cascade", "--engine", "ort-cpu"]
    code = drive(words, script, patience_s=30)
    print("window", code, flush=True)
    assert code == 0


if __name__ == "__main__":
    given, package = Path(sys.argv[1]), Path(sys.argv[2])
    folder = Path(os.environ["OUT"])
    if "commands" in sys.argv[3:]:
        use_the_commands(given, package, folder)
        use_other_people_s_libraries(folder)
    if "window" in sys.argv[3:]:
        use_the_window(given, package)
