"""``unmask train prepare`` as a person meets it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import av
import cv2
import pytest
from clips import write_video
from data_trees import touch
from skimage.data import astronaut

from unmask.cli import main as command_line
from unmask.cli.train_media import open_media
from unmask.realtime.types import Image
from unmask.training.data.dfdc import read_index


def outcome(*arguments: object) -> int | str | None:
    try:
        return command_line.main([str(argument) for argument in arguments])
    except SystemExit as leaving:
        return leaving.code


def portraits(shift: int) -> list[Image]:
    """A second of the same person, moving to the right."""
    picture = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)[:320, 40:440]
    return [picture[:, shift + step : shift + step + 320].copy() for step in range(12)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(4):
        folder = tmp_path / "data" / ("real", "fake")[number % 2] / f"person{number // 2}"
        folder.mkdir(parents=True)
        write_video(folder / "clip.mp4", portraits(4 * number), fps=12)
    (tmp_path / "data" / "real" / "broken.mp4").write_bytes(b"nothing")
    return tmp_path / "data"


def test_faces_are_found_cut_and_indexed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "out"
    command = [
        "train",
        "prepare",
        data,
        out,
        "--face-finder",
        "cascade",
        "--identities",
        "parent",
        "--workers",
        1,
    ]
    command += ["--frames", 4, "--val", 0, "--test", 0, "--npz", "--npz-frames", 2]
    assert outcome(*command) == 0
    said = capsys.readouterr().out
    assert "Layout: plain folders (3 real, 2 fake by the names of their folders)" in said
    assert "train: 3 real, 2 fake files in 3 identity groups" in said
    assert "OpenCV cascade, offline fallback" in said
    assert "unreadable" in said
    assert "16 crops of 4 files in 1 tars" in said
    assert "4 arrays" in said
    assert len(read_index(out)) == 16
    with (out / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["identity_group"] for row in rows} == {"person0", "person1"}
    assert {round(float(row["frame_time_s"]), 3) for row in rows} == {0.083, 0.333, 0.583, 0.833}
    assert len(list((out / "npz").glob("*.npz"))) == 4
    assert json.loads((out / "report.json").read_text())["skipped_by_reason"] == {"unreadable": 1}
    assert outcome(*command) == 0  # finished: said again, not done again


def test_a_dry_run_tells_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    root = touch(
        tmp_path / "uadfv",
        [name for n in range(20) for name in (f"real/{n:04d}.mp4", f"fake/{n:04d}_fake.mp4")],
    )
    assert outcome("train", "prepare", root, tmp_path / "out", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "Layout: UADFV" in said
    assert "train: 16 real, 16 fake files in 16 identity groups" in said
    assert "test: 2 real, 2 fake files in 2 identity groups" in said
    assert "one celebrity's face" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent", "out"], "absent is no folder"),
        (["data", "out", "--layout", "dfdc"], "data is not laid out as dfdc: it needs dfdc_train_part_N/"),
        (["data", "data/out"], "data/out lies in the data set"),
        (["data", "out", "--frames", "0"], "--frames: 0 is not a whole number above 0"),
        (["data", "out", "--npz", "--frames", "5"], "only 5 are looked at: raise --frames"),
        (["data", "out", "--val", "0.9", "--test", "0.2"], "leave something to train on"),
        (["data", "out", "--identities", "who.csv"], "who.csv cannot be read as a CSV file"),
        (["data", "out", "--label", "real", "--layout", "uadfv"], "--label is for plain folders"),
        (["data", "out", "--margin", "0.2"], "--margin from 1 to 4"),
        (
            ["data", "out", "--splits", "offical"],
            "only for faceforensics, not offical: say official or identity",
        ),
        (
            ["data", "out", "--compression", "c23"],
            "--compression is for faceforensics; this is plain folders",
        ),
        (
            ["pairs", "out", "--identities", "parent"],
            "--identities parent is for plain folders; this is UADFV",
        ),
        (["pairs", "out"], "The val set would have no fake item"),
        (["empty", "out"], "empty has none of the layouts"),
    ],
)
def test_a_wrong_call_is_answered_with_one_sentence(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "data", ["real/a.mp4", "fake/b.mp4"])
    touch(tmp_path / "pairs", ["real/0000.mp4", "fake/0000_fake.mp4"])
    (tmp_path / "empty").mkdir()
    assert outcome("train", "prepare", *arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_video_that_does_not_tell_its_length(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        for picture in portraits(0):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert container.duration is None
    media = open_media(path, "video")
    assert media.duration_s == pytest.approx(11 / 12, abs=0.01)
    assert [time_s for time_s, _ in media.frames_at([0.0, 0.01, 0.5])] == pytest.approx([0.0, 0.5], abs=0.01)
    media.close()


def test_train_needs_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("train") == 2
    assert "STEP" in capsys.readouterr().err
    assert outcome("train", "--help") == 0
    assert "prepare" in capsys.readouterr().out
