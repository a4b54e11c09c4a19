"""What is logged: never a picture, never a password, whatever fails."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from pathlib import Path

import pytest
from looked_for import holding, pictures_in
from sessions import open_toy_detector, plan
from toy_package import build_toy_package

from unmask.cli.main import main
from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.metrics.prometheus import exposition
from unmask.realtime.session import Session
from unmask.realtime.sinks.jsonl import JsonLinesSink
from unmask.realtime.sources.addresses import redacted, without_passwords

SECRET = "hunter2"


@pytest.fixture
def closed_port() -> int:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://ann:hunter2@host/live", "rtsp://ann:***@host/live"),
        ("rtsp://ann:hun@ter2@host/live", "rtsp://ann:***@host/live"),
        ("page:https://ann:hunter2@host/v", "page:https://ann:***@host/v"),
        ("http://ann:hunter2@[host/live", "http://ann:***@[host/live"),
        ("http://host/live?token=hunter2&x=1", "http://host/live?token=***&x=1"),
        ("http://host/ann@home", "http://host/ann@home"),
        ("screen:1", "screen:1"),
    ],
)
def test_an_address_is_shown_without_its_password(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert (
        without_passwords(f"[Errno 111] refused: '{text}'; try again.") == f"[Errno 111] refused: '{shown}'; try again."
    )


@pytest.mark.parametrize(
    "form", ["http://ann:{secret}@127.0.0.1:{port}/live?token={secret}", "rtsp://:{secret}@127.0.0.1:{port}/x"]
)
def test_no_password_gets_into_any_output_file_or_folder(form, closed_port, tmp_path, own_user_folders, capfd) -> None:
    toy = ["--detector", str(build_toy_package(tmp_path / "toy")), "--face-finder", "cascade"]
    address = form.format(secret=SECRET, port=closed_port)
    logs = ["--jsonl", str(tmp_path / "log.jsonl"), "--history"]
    assert main(["watch", address, "--headless", *logs, *toy, "--debug"]) == 2
    reports = ["--json", str(tmp_path / "out.json"), "--html", str(tmp_path / "out.html"), "--history"]
    assert main(["scan", address, *reports, *toy, "--debug"]) == 2
    main(["history", "list"])
    said = capfd.readouterr()
    assert "127.0.0.1" in said.out + said.err
    assert SECRET not in said.out + said.err
    assert (tmp_path / "log.jsonl").exists()
    assert holding(tmp_path, SECRET) == []
    assert holding(own_user_folders, SECRET) == []


def test_a_failure_that_nobody_foresaw_is_told_without_the_password_in_its_text(tmp_path: Path) -> None:
    def open_error(address: str) -> Exception:
        return ConnectionError(f"[Errno 111] Connection refused: '{address}'")

    log = tmp_path / "log.jsonl"
    source = plan("camera", open_error=open_error(f"rtsp://ann:{SECRET}@host/live?password={SECRET}"))
    with open_toy_detector(tmp_path / "toy") as detector:
        session = Session([source], detector, sinks=[JsonLinesSink(log, {})])
        with session:
            assert session.wait(20)
    told = "\n".join([*session.failures, *session.tracebacks, log.read_text(encoding="utf-8")])
    assert "Connection refused" in told
    assert "Traceback" in told
    assert SECRET not in told


def test_nothing_that_is_logged_or_measured_holds_a_picture(tmp_path: Path) -> None:
    log, collector = tmp_path / "log.jsonl", MetricsCollector()
    with open_toy_detector(tmp_path / "toy") as detector:
        session = Session([plan()], detector, sinks=[collector, JsonLinesSink(log, {}, collector.clocks)])
        collector.attach(session.flow)
        with session:
            assert session.wait(30)
    lines = log.read_text(encoding="utf-8").splitlines()
    assert {"face", "event", "status"} <= {json.loads(line)["type"] for line in lines}
    assert [found for line in lines for found in pictures_in(line)] == []
    assert pictures_in(exposition(collector.clocks(), "0")) == []
    assert max(map(len, lines)) < 10_000


@pytest.mark.parametrize(
    "text",
    ["iVBORw0KGgo" * 20, "data:image/jpeg;base64,/9j/", "array([[1, 2]], dtype=uint8)", "[" + "12, 255, " * 30 + "0]",
     repr(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d\xff\xd8\xfe")],
)  # fmt: skip
def test_the_search_sees_a_picture(text: str) -> None:
    assert pictures_in(text)


def test_the_search_sees_a_word_in_a_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("CREATE TABLE t (w TEXT)")
        connection.execute("INSERT INTO t VALUES ('hallway')")
    assert holding(tmp_path, "hallway") == ["a.sqlite"]
    assert not re.search("hallway", (tmp_path / "a.sqlite").name)
