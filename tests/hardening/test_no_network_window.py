"""Everything that needs no address is used, the window with all its features too, and then looked at: who was called,
who may read what was written, what is left behind, and whether a picture is where none belongs."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from free_call import CallSettings, write_free_call
from looked_for import holding, pictures_in
from network_trap import Trapped, can_be_alone, run_trapped
from stand_in import build_stand_in
from window_driver import USER_FOLDERS
from x_display import x_display

PROGRAM = Path(__file__).resolve().parents[1] / "support" / "everything.py"


@dataclass(frozen=True)
class Used:
    """What came of it. ``home`` has the person's folders, ``out`` what they named, ``temporary`` where ``/tmp`` was."""

    done: Trapped
    home: Path
    out: Path
    temporary: Path


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Used:
    """One process, in both traps where both can be set, under a umask that hides nothing."""
    made = tmp_path_factory.mktemp("made")
    write_free_call(made / "call.mp4", CallSettings(640, 360, fps=10, seconds=4))
    detector = build_stand_in(made / "stand-in")
    folder = tmp_path_factory.mktemp("person")
    home, out, temporary = (folder / name for name in ("home", "out", "tmp"))
    for each in (home, out, temporary):
        each.mkdir()
    variables = {name: str(home / name.lower()) for name in USER_FOLDERS}
    variables |= {"OUT": str(out), "TMPDIR": str(temporary), "QT_QPA_PLATFORM": "xcb", "QT_SCALE_FACTOR": "1"}
    with x_display(1280, 800) as screen:
        screen.start("openbox")
        variables |= {"DISPLAY": screen.display, "PYTHONWARNINGS": "ignore"}
        words = (str(PROGRAM), str(made / "call.mp4"), str(detector), "commands", "window")
        done = run_trapped(folder, *words, alone=can_be_alone(), umask=0, variables=variables)
    assert done.code == 0, done.said[-4000:]
    return Used(done, home, out, temporary)


def test_nobody_is_called_whatever_is_used(used: Used) -> None:
    # On import urllib3 (yt-dlp and insightface bring it) tries whether this machine itself has IPv6.
    assert set(used.done.tried) <= {"socket.bind ('::1', 0)"}
    assert not used.done.packets, f"{used.done.packets} packets wanted to leave, past the interpreter"
    assert "openvino: loaded" in used.done.said
    assert "yt-dlp: loaded" in used.done.said
    assert used.done.said.rstrip().splitlines()[-1] == "window 0"


def test_the_traps_see_what_leaves(tmp_path: Path) -> None:
    """Else the test above would pass for the wrong reason."""
    call = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert run_trapped(tmp_path, "-c", call).tried, "the interpreter's trap sees nothing"
    if not can_be_alone():
        pytest.skip("`unshare --net` is not permitted here")
    # IPv6 has no address there and is not counted; whoever looks for a name asks over IPv4 too.
    send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"
    assert run_trapped(tmp_path, "-c", send, alone=True, hook=False).packets, "the network that is none counts nothing"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has rights of another kind")
def test_what_the_program_keeps_is_for_the_person_alone_under_any_umask(used: Used) -> None:
    files = [path for path in used.home.rglob("*") if path.is_file()]
    assert {"history.sqlite", "unmask.ini"} <= {path.name for path in files}
    readable = [str(path.relative_to(used.home)) for path in files if not private(path, used.home)]
    assert readable == []


def private(path: Path, home: Path) -> bool:
    """Whether the file, or a folder on the way to it, keeps others out."""
    way = [path, *(parent for parent in path.parents if home in parent.parents)]
    return any(stat.S_IMODE(each.stat().st_mode) & 0o077 == 0 for each in way)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has rights of another kind")
def test_what_the_person_names_has_the_rights_that_their_umask_gives(used: Used) -> None:
    named = {"scan.json", "scan.html", "watch.jsonl", "watch.mp4", "history.json"}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in used.out.iterdir()}
    assert {name: modes[name] for name in named} == dict.fromkeys(named, 0o666)


def test_nothing_temporary_is_left(used: Used) -> None:
    # The X server and the desktop's own things are none of ours.
    ours = [path.name for path in used.temporary.rglob("*") if "unmask" in path.name.lower()]
    parts = [path.name for path in (*used.home.rglob("*"), *used.out.rglob("*")) if ".part" in path.name]
    assert (ours, parts) == ([], [])


def test_no_picture_is_where_none_was_asked_for(used: Used) -> None:
    said, lines = used.done.said, (used.out / "watch.jsonl").read_text(encoding="utf-8")
    assert '"type": "face"' in lines
    assert pictures_in(said) == []
    assert pictures_in(lines) == []
    for name in ("scan.json", "history.json"):
        text = (used.out / name).read_text(encoding="utf-8")
        assert json.loads(text)
        assert pictures_in(text, long_lists=True) == []
    assert pictures_in((used.out / "scan.html").read_text(encoding="utf-8")), "--crops asks for pictures: none are seen"


def test_no_picture_is_kept_but_those_of_alarms_that_were_allowed(used: Used) -> None:
    kept = holding(used.home, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
    assert set(kept) <= {"history.sqlite", "history.sqlite-wal"}
