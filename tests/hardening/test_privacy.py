"""What a person deletes is gone down to the bytes, and nobody but the rooms that must can open a connection."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from history import add_scan, add_session
from looked_for import holding
from network_trap import run_trapped

from unmask.cli.main import main
from unmask.realtime.history.opening import history_file
from unmask.realtime.history.records import EventRecord
from unmask.realtime.history.store import History

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("realtime", "engines", "export", "training", "gui", "benchmarks", "cli")

#: Modules that can reach a network, or send somebody there.
REACHING = ("socket", "socketserver", "http", "urllib.request", "ftplib", "smtplib", "ssl", "grpc", "requests")
REACHING += ("yt_dlp", "huggingface_hub", "webbrowser", "asyncio", "xmlrpc")
#: The files that may, each for what a person asked for.
MAY_REACH = {
    "realtime/faces/models.py": "fetches the face finder's weights, and says so",
    "realtime/metrics/server.py": "--metrics",
    "realtime/sources/page.py": "page addresses",
    "engines/remote/client.py": "--engine remote --server",
    "export/mlserver_runtime.py": "runs in a server, not here: no connection of its own",
}
#: Names of Qt that open connections, or a browser; sockets of this machine only (QLocalServer) do not.
QT_REACHING = ("QNetwork", "QTcp", "QUdp", "QSsl", "QDesktopServices", "QWebEngine", "openUrl", "QWebSocket")


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches(source: str) -> bool:
    return any(name == module or name.startswith(module + ".") for name in imported(source) for module in REACHING)


def test_only_the_files_that_must_can_open_a_connection() -> None:
    sources = {path: path.read_text(encoding="utf-8") for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    found = {path.relative_to(ROOT).as_posix() for path, source in sources.items() if reaches(source)}
    assert found == set(MAY_REACH)
    assert {path.as_posix() for path in sources if any(name in sources[path] for name in QT_REACHING)} == set()


def test_the_search_sees_a_connection() -> None:
    assert reaches("def f():\n    from urllib.request import urlopen")
    assert reaches("from urllib import request")
    assert not reaches("from urllib.parse import urlsplit")


def test_no_weights_come_from_a_hub() -> None:
    """timm brings a client of one; asked for ``pretrained=False`` it calls nobody."""
    asked = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    words = ("pretrained=True", "from_pretrained", "hf_hub_download", "torch.hub", "load_state_dict_from_url")
    assert [str(path) for path in asked if any(word in path.read_text(encoding="utf-8") for word in words)] == []


def test_a_page_address_asks_for_that_page_and_nobody_else(tmp_path: Path) -> None:
    """yt-dlp can look for updates of itself, and has helpers of its own."""
    pytest.importorskip("yt_dlp", reason="needs the extra page")
    open_it = (
        "from unmask.engines.errors import SourceError\n"
        "from unmask.realtime.sources.page import _yt_dlp\n"
        "try:\n    _yt_dlp('https://video.invalid/watch', 2.0)\nexcept SourceError as error:\n    print(error)\n"
    )
    done = run_trapped(tmp_path, "-c", open_it)
    assert "video.invalid/watch cannot be opened" in done.said
    # On import urllib3 tries whether this machine itself has IPv6: nothing leaves it for that.
    asked = [line for line in done.tried if line != "socket.bind ('::1', 0)"]
    assert {line.split()[-1] for line in asked} == {"video.invalid"}


def test_reports_to_their_makers_are_shut_out_before_anything_is_loaded() -> None:
    program = (
        "import os, sys\nimport unmask.engines, unmask.training\n"
        "print(*(os.environ[name] for name in ('ORT_DISABLE_TELEMETRY', 'HF_HUB_DISABLE_TELEMETRY', 'DO_NOT_TRACK')))\n"
        "print(sorted({'onnxruntime', 'openvino', 'huggingface_hub'} & set(sys.modules)))\n"
    )
    bare = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name and name != "DO_NOT_TRACK"}
    done = subprocess.run([sys.executable, "-c", program], env=bare, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1 1 1", "[]"]


@pytest.mark.parametrize("words", [("--all", "--yes"), ("1", "2")])
def test_what_is_deleted_is_nowhere_in_the_person_s_folders(words: tuple[str, ...], own_user_folders: Path) -> None:
    file = history_file()
    with History() as history:
        number = add_session(history, title="camera:hallway", alarms=3)
        add_scan(history, path="/videos/anniversary.mp4")
        record = EventRecord("camera:hallway", 7, 40.0, 41.0, 0.9, 1_000_040.0, "toy 1.0.0")
        history.put_picture(history.put_event(number, record), 40.5, 0.9, b"\xff\xd8\xffpicture-of-a-face" * 100)
        for _ in range(50):  # pages that are freed and used again
            history.delete([add_scan(history, path="/videos/anniversary-2.mp4")])
    assert set(holding(own_user_folders, "hallway", "anniversary", b"picture-of-a-face")) == {file.name}
    assert main(["history", "delete", *words]) == 0
    assert holding(own_user_folders, "hallway", "anniversary", b"picture-of-a-face") == []


def test_deleting_everything_deletes_what_was_set_aside_as_damaged(own_user_folders: Path) -> None:
    file = history_file()
    with History() as history:
        add_session(history, title="camera:hallway")
    damaged = bytearray(file.read_bytes())
    damaged[:16] = b"no longer SQLite"
    file.write_bytes(damaged)
    with History() as history:
        assert "was damaged" in history.notice
    assert holding(own_user_folders, "hallway") == [f"{file.name}.broken"]
    assert main(["history", "delete", "--all", "--yes"]) == 0
    assert holding(own_user_folders, "hallway") == []
    assert [path.name for path in file.parent.iterdir() if "broken" in path.name] == []
