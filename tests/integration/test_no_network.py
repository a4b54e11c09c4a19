"""The monitor calls nobody: a whole `unmask watch` where every connection is refused and noted."""

from __future__ import annotations

import pytest
from network_trap import can_be_alone, run_trapped


@pytest.fixture
def watch(clip, toy, tmp_path):
    """Runs `unmask watch --headless` on the clip in the trap."""

    def run(*options, alone=False, **variables):
        words = ("-m", "unmask.cli.main", "watch", "--headless", str(clip.path), "--detector", str(toy))
        return run_trapped(tmp_path, *words, *options, alone=alone, variables=variables)

    return run


def test_the_monitor_makes_no_call(watch, tmp_path):
    done = watch("--face-finder", "cascade", "--record", str(tmp_path / "out.mp4"))
    assert done.code == 0, done.said
    assert "2 faces followed, 150 frames analysed" in done.said
    assert done.tried == []


def test_offline_makes_no_call_either_and_says_which_finder_it_took(watch):
    done = watch("--max-seconds", "1", UNMASK_OFFLINE="1")
    assert done.code == 0, done.said
    assert "the offline fallback" in done.said
    assert "UNMASK_OFFLINE is set" in " ".join(done.said.split())
    assert done.tried == []


def test_the_one_call_there_is_fetches_the_face_model_and_is_announced(watch):
    done = watch("--max-seconds", "1")
    assert done.code == 0, done.said
    assert "Fetching the face model" in done.said
    assert "the offline fallback" in done.said
    assert done.tried, "the trap sees nothing"


def test_the_monitor_runs_where_there_is_no_network_at_all(watch):
    """What the first trap cannot see, C libraries among them, has nowhere to go here, and is counted."""
    if not can_be_alone():
        pytest.skip("`unshare --net` is not permitted here")
    done = watch("--face-finder", "cascade", "--max-seconds", "2", alone=True)
    assert done.code == 0, done.said
    assert "frames analysed" in done.said
    assert done.packets == 0


def test_the_figures_are_served_to_this_machine_alone(watch):
    done = watch("--face-finder", "cascade", "--max-seconds", "1", "--metrics", "9464")
    assert done.code == 2, "the trap refuses the port"
    assert done.tried == ["socket.getaddrinfo 127.0.0.1"]
