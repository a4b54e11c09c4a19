"""The monitor calls nobody: a whole `unmask watch` where every connection is refused and noted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

#: Loaded by the interpreter before anything else: notes and refuses whatever leaves this machine.
TRAP = """
import os, socket, sys

_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        outside = True
    elif event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        outside = arguments[0].family in _INTERNET
    else:
        outside = False
    if outside:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {arguments[1] if event.startswith('socket.connect') else arguments[0]}\\n")
        raise PermissionError(f"{event} is refused here")


sys.addaudithook(_refuse)
"""


@pytest.fixture
def watch(clip, toy, tmp_path):
    """Runs `unmask watch --headless` on the clip in the trap: (exit code, output, what tried to get out)."""
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap" / "sitecustomize.py").write_text(TRAP, encoding="utf-8")
    log = tmp_path / "network.log"
    command = [sys.executable, "-m", "unmask.cli.main", "watch", "--headless", str(clip.path)]

    def run(*options, before=(), **variables):
        path = os.pathsep.join([str(tmp_path / "trap"), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "NETWORK_LOG": str(log), "HOME": str(tmp_path), **variables}
        done = subprocess.run(
            [*before, *command, "--detector", str(toy), *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        tried = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return done.returncode, done.stdout, tried

    return run


def test_the_monitor_makes_no_call(watch, tmp_path):
    code, out, tried = watch("--face-finder", "cascade", "--record", str(tmp_path / "out.mp4"))
    assert code == 0, out
    assert "2 faces followed, 150 frames analysed" in out
    assert tried == []


def test_offline_makes_no_call_either_and_says_which_finder_it_took(watch):
    code, out, tried = watch("--max-seconds", "1", UNMASK_OFFLINE="1")
    assert code == 0, out
    assert "the offline fallback" in out
    assert "UNMASK_OFFLINE is set" in " ".join(out.split())
    assert tried == []


def test_the_one_call_there_is_fetches_the_face_model_and_is_announced(watch):
    code, out, tried = watch("--max-seconds", "1")
    assert code == 0, out
    assert "Fetching the face model" in out
    assert "the offline fallback" in out
    assert tried, "the trap sees nothing"


def test_the_monitor_runs_where_there_is_no_network_at_all(watch):
    """What the trap cannot see, C libraries among them, has nowhere to go here."""
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which(alone[0]) is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("`unshare --net` is not permitted here")
    code, out, _ = watch("--face-finder", "cascade", "--max-seconds", "2", before=alone)
    assert code == 0, out
    assert "frames analysed" in out
