"""`unmask watch` as a process of its own: a disk that fills up in the middle, and signals at any moment."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time

import av
import pytest
from toy_package import build_toy_package

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits of POSIX")


@pytest.fixture
def command(tmp_path):
    toy = build_toy_package(tmp_path / "toy", rule={"dwell_s": 0.5, "release_s": 0.5}, quality={"min_face_px": 20})
    return [
        *(sys.executable, "-m", "unmask.cli.main", "watch", "synthetic", "--headless"),
        *("--detector", str(toy), "--face-finder", "cascade"),
    ]


def frames_of(path):
    """How many frames a player shows, up to the first packet that is cut short."""
    count = 0
    with av.open(str(path)) as container, contextlib.suppress(av.InvalidDataError):
        for _ in container.decode(video=0):
            count += 1
    return count


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
sys.argv = sys.argv[1:]
runpy.run_module("unmask.cli.main", run_name="__main__")
"""


def test_a_disk_that_fills_up_in_the_middle_of_a_recording_is_named_at_once_and_what_is_there_plays(command, tmp_path):
    """A limit on the size of a file stands for the disk: FFmpeg meets the same error in the middle of a packet."""
    recording, log = tmp_path / "out.mp4", tmp_path / "log.jsonl"
    arguments = [*command[3:], "--record", str(recording), "--jsonl", str(log), "--max-seconds", "40"]
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITED, "unmask", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 40
        said = []
        while time.monotonic() < deadline and not said:
            time.sleep(0.2)
            lines = log.read_text().splitlines() if log.exists() else []
            told = [json.loads(line) for line in lines if line.endswith("}")]
            said = [line for line in told if line["type"] == "trouble" and "sink_failed" in line["troubles"]]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert said, "it is said while the monitor runs, not only at its end"
    assert "VideoSink stopped" in said[0]["messages"][0]
    assert process.returncode == 2, err
    assert "VideoSink stopped" in err
    assert "Traceback" not in err
    (kept,) = [path for path in tmp_path.iterdir() if path.suffix == ".mp4"]
    assert frames_of(kept) > 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay_s", [0.3, 1.0, 1.7])
def test_a_signal_at_any_moment_ends_it_and_leaves_nothing_that_does_not_play(command, tmp_path, number, delay_s):
    recording, log = tmp_path / "out.mp4", tmp_path / "log.jsonl"
    process = subprocess.Popen(
        [*command, "--record", str(recording), "--jsonl", str(log)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(delay_s)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert "Traceback" not in err
    assert process.returncode in (0, 130, -number), err
    assert not list(tmp_path.glob(".out.part*"))
    if recording.exists():
        assert frames_of(recording) > 0
    for line in log.read_text().splitlines() if log.exists() else []:
        json.loads(line)
