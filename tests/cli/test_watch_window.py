"""`unmask` and `unmask watch` in a window: what it begins with, what is refused, what is said at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from fakes import picture
from toy_package import build_toy_package
from x_display import x_display

from unmask.cli import main as command_line
from unmask.cli.main import main
from unmask.cli.watch import can_show_window
from unmask.cli.window import WindowServices
from unmask.engines.errors import UsageError
from unmask.gui.services import DetectorChoice
from unmask.realtime.sources.registry import SourceOptions


@pytest.fixture
def toy(tmp_path):
    return build_toy_package(tmp_path / "toy", quality={"min_face_px": 20})


@pytest.fixture
def arguments(toy):
    parser = command_line.build_parser("watch")
    return lambda *words: parser.parse_args(["watch", "--detector", str(toy), "--face-finder", "cascade", *words])


@pytest.fixture
def services(arguments):
    return lambda *words, said=None: WindowServices(arguments(*words), SourceOptions(), (said or []).append)


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a display")
@pytest.mark.usefixtures("no_display")
class TestWithoutADisplay:
    def test_a_bare_unmask_shows_the_help(self, capsys):
        assert main([]) == 2
        assert "usage: unmask" in capsys.readouterr().err

    def test_watch_asks_for_a_source(self, capsys):
        assert main(["watch"]) == 2
        assert "Name what to watch" in capsys.readouterr().err

    def test_no_window_can_be_shown(self):
        assert not can_show_window()


def test_headless_needs_a_source(capsys):
    assert main(["watch", "--headless"]) == 2
    assert "Name what to watch" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--record", "--jsonl"])
def test_what_is_recorded_must_be_named(monkeypatch, option, capsys):
    monkeypatch.setenv("DISPLAY", ":4095")
    assert main(["watch", option, "x.mp4"]) == 2
    assert f"{option} needs something to watch" in capsys.readouterr().err


def test_a_source_is_planned_as_the_command_line_names_it(services, tmp_path):
    import cv2

    path = tmp_path / "one.png"
    cv2.imwrite(str(path), picture())
    plan = services().plan(str(path))
    assert plan.source_id == str(path)
    assert plan.make() is not plan.make(), "one for every opening"
    plan.finder.close()
    with pytest.raises(UsageError):
        services().plan("no-such-thing")


def test_the_detector_is_opened_by_choice(services, toy):
    with services().open_detector(DetectorChoice(str(toy), "ort-cpu")) as detector:
        assert detector.engine_name == "ort-cpu"
        assert "set for at most one false alarm an hour" in services().backing(detector, 1.0)


def test_an_engine_that_needs_a_server_says_so(services, toy):
    with pytest.raises(UsageError, match="--server"):
        services().open_detector(DetectorChoice(str(toy), "remote"))


def test_a_server_that_was_named_is_no_hindrance_to_another_engine(services, toy):
    started = services("--engine", "remote", "--server", "localhost:1")
    with started.open_detector(DetectorChoice(str(toy), "ort-cpu")) as detector:
        assert detector.engine_name == "ort-cpu"


def test_detectors_and_engines_are_listed_with_what_is_wrong(services):
    assert {"unmask-lite"} <= {entry.name for entry in services().detectors()}
    entries = {entry.name: entry for entry in services().engines()}
    assert entries["ort-cpu"].problem == ""
    for entry in entries.values():
        assert entry.problem == "" or entry.problem.startswith("unavailable, because")


@pytest.mark.display
def test_a_window_opens_is_raised_by_the_second_start_and_ends_on_ctrl_c(tmp_path):
    with x_display(1280, 800) as server:
        environment = {**os.environ, "DISPLAY": server.display, "QT_QPA_PLATFORM": "xcb"}
        command = [sys.executable, "-m", "unmask.cli.main"]
        server.start("openbox")
        first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            limit = time.monotonic() + 30
            while "Unmask" not in server.run("xdotool", "search", "--onlyvisible", "--name", "Unmask", "getwindowname"):
                assert first.poll() is None, first.communicate()[0]
                assert time.monotonic() < limit, "no window came"
                time.sleep(0.1)
            second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
            assert second.returncode == 0
            assert "brought to the front" in second.stderr
            assert first.poll() is None
            first.send_signal(2)
            said, _ = first.communicate(timeout=15)
        finally:
            first.kill()
            first.wait(5)
        assert first.returncode == 0, said
        assert "Traceback" not in said


@pytest.mark.display
def test_a_clip_is_watched_in_a_window_and_summed_up(toy, tmp_path):
    with x_display(1280, 800) as server:
        environment = {**os.environ, "DISPLAY": server.display, "QT_QPA_PLATFORM": "xcb"}
        recording = tmp_path / "out.mp4"
        command = [sys.executable, "-m", "unmask.cli.main", "watch", "synthetic", "--detector", str(toy)]
        options = ["--face-finder", "cascade", "--max-seconds", "3", "--record", str(recording)]
        done = subprocess.run(
            [*command, *options], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "frames analysed" in done.stdout
    assert recording.exists()
