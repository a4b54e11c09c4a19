"""What goes wrong is said in the window, in a sentence with a remedy, and the window goes on.

No display and a second start: ``tests/cli/test_watch_window.py``.
"""

from __future__ import annotations

import pytest

#: What went wrong -> words of the sentence about it and of its remedy, and what can be pressed beside it.
SENTENCES = {
    "settings": (["The settings were broken", "the defaults are used", "unmask.ini.broken"], ["Dismiss"]),
    "detector": (["There is no detector package", "give its folder or a name"], ["Choose another engine"]),
    "no camera": (["There is no camera 9", "plug one in"], ["Try again", "Choose another source"]),
    "camera forbidden": (["you may not use", "add yourself to the group"], ["Try again", "Choose another source"]),
    "camera busy": (["another program may be using it", "close the other program"], ["Try again"]),
    "ends": (["The source is over.", "frames"], ["Watch again", "Choose another source", "Remove"]),
    "camera gone": (["check that the stream is running", "tried again by itself"], ["Try again"]),
    "window gone": (["was closed; open it again", "tried again by itself"], ["Try again", "Choose another source"]),
    "other detector": (["There is no detector package", "goes on judging"], ["Dismiss"]),
    "GPU lost": (
        ["CUDA failure 999", "may be gone: choose another engine"],
        ["Choose another engine"],
    ),
    "GPU still lost": (["ort-cuda cannot run here", "use --engine ort-cpu", "goes on judging"], ["Dismiss"]),
}


@pytest.mark.display
@pytest.mark.usefixtures("no_leaks")
def test_each_is_a_sentence_in_the_window(start, detector, tmp_path):
    settings = tmp_path / "xdg_config_home" / "unmask" / "unmask.ini"
    settings.parent.mkdir(parents=True)
    settings.write_bytes(b"\x00\xff\x00 this is no file of settings")
    watch = ("watch", "--detector", str(detector), "--face-finder", "cascade", "--engine", "ort-cpu")

    done = start("bad_moments", "all", *watch)

    said = {name: words for name, colon, words in (line.partition(":") for line in done.stdout.splitlines()) if colon}
    assert {"settings", "threads"} <= set(said), done.stdout + done.stderr
    for name, (words, buttons) in SENTENCES.items():
        assert [each for each in words if each not in said[name]] == [], (name, said[name])
        offered = said[name].rpartition("[")[2].rstrip("]").split(", ")
        assert set(buttons) <= set(offered), (name, said[name])
    assert said["threads"].strip() == ""
    assert done.returncode in (0, 2), done.stderr  # 2: sources failed
    assert "Traceback" not in done.stderr
