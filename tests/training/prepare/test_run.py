"""Whole runs on small data sets: what comes out, what is left out, and that a killed run ends as any other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest
from data_trees import (
    FINDER,
    PARTS,
    TwoFaces,
    contents,
    empty_video,
    face_picture,
    face_video,
    open_or_die,
    pair_tree,
    prepare_tree,
    settings,
)

from unmask.cli.train_media import open_media
from unmask.engines.errors import UnmaskError, UsageError
from unmask.training.data.dfdc import DataError, read_index, read_pictures
from unmask.training.prepare import run as preparation
from unmask.training.prepare.cutting import ClipSettings
from unmask.training.prepare.index import read_prepared
from unmask.training.prepare.layouts.base import LayoutOptions
from unmask.training.prepare.media import Parts


@pytest.fixture(autouse=True, scope="module")
def process_keeper() -> None:
    """Python's own helper process starts with the first spawned worker and stays: it is no leak."""
    resource_tracker.ensure_running()


def test_crops_can_be_read_like_the_reference_data(tmp_path: Path) -> None:
    root, out = pair_tree(tmp_path / "data", 3), tmp_path / "out"
    report = prepare_tree(root, out, settings())
    assert (report["prepared"], report["crops"], report["shards"]) == (6, 18, 4)
    records = read_index(out)
    assert len(records) == 18
    pictures = dict(read_pictures(out, [record.key for record in records]))
    assert set(pictures) == {record.key for record in records}
    for crop in read_prepared(out):
        picture = pictures[crop.record.key]
        assert picture.shape == (96, 96, 3)
        # Red faces are real here, blue ones fake: label and picture belong together.
        blue, _, red = picture[40:56, 40:56].mean(axis=(0, 1))
        assert (blue > red) == crop.record.fake
        assert crop.face is not None
        assert crop.face.size == pytest.approx(60, abs=0.1)
    times = [crop.time_s for crop in read_prepared(out) if crop.video == "real-0000"]
    assert times == pytest.approx([0.08, 0.24, 0.4], abs=0.05)
    originals = {crop.record.key: row for crop, row in zip(read_prepared(out), rows_of(out), strict=True)}
    assert {row["original"] for row in originals.values() if row["video"] == "fake-0001_fake"} == {"real-0001"}
    assert {row["identity_group"] for row in originals.values() if row["video"].endswith("0001_fake")} == {"uadfv-0001"}


def rows_of(out: Path) -> list[dict[str, str]]:
    import csv

    with (out / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_shards_hold_the_number_asked_for_and_nothing_else_is_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_tree(pair_tree(tmp_path / "data", 3), out, settings(per_shard=7))
    assert sorted(contents(out)) == [
        *(f"faces-0000{number}.tar" for number in range(3)),
        "index.csv",
        "prepare.json",
        "report.json",
    ]
    keys = [key for number in range(3) for key in keys_in(out / f"faces-0000{number}.tar")]
    assert keys == [row["key"] for row in rows_of(out)]
    assert [len(keys_in(out / f"faces-0000{number}.tar")) for number in range(3)] == [7, 7, 4]


def keys_in(tar: Path) -> list[str]:
    import tarfile

    with tarfile.open(tar) as archive:
        return [Path(name).stem for name in archive.getnames()]


_KILLED = """
import os, signal, sys
from pathlib import Path
from data_trees import prepare_tree, settings
from unmask.training.prepare.cutting import ClipSettings
from dataclasses import replace
wanted = settings(per_shard=4)
wanted = replace(wanted, cut=replace(wanted.cut, clips=ClipSettings(2, 32)))
def kill(done, total):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
prepare_tree(Path(sys.argv[1]), Path(sys.argv[2]), wanted, progress=kill, workers=int(sys.argv[4]))
"""


@pytest.mark.parametrize(("after", "workers"), [((1, 5), 1), ((3,), 2)])
def test_a_killed_run_goes_on_to_the_same_bytes(
    tmp_path: Path, after: tuple[int, ...], workers: int, no_leaks: None
) -> None:
    root = pair_tree(tmp_path / "data", 4)
    wanted = settings(per_shard=4)
    wanted = replace(wanted, cut=replace(wanted.cut, clips=ClipSettings(2, 32)))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    prepare_tree(root, whole, wanted)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for count in after:
        command = [sys.executable, "-c", _KILLED, str(root), str(killed), str(count), str(workers)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == -9, done.stderr
        assert not (killed / "index.csv").exists()
    (killed / ".faces-00001.tar.abcd").write_bytes(b"half")  # what a kill in the middle of a write leaves
    (killed / "npz" / ".real-0000.npz.abcd").write_bytes(b"half")
    seen: list[int] = []
    report = prepare_tree(root, killed, wanted, progress=lambda done, total: seen.append(done))
    assert seen[0] >= 1
    assert report["clips"] == 8
    assert contents(killed) == contents(whole)


def test_two_workers_give_the_same_bytes_as_one(tmp_path: Path, no_leaks: None) -> None:
    root = pair_tree(tmp_path / "data", 3)
    prepare_tree(root, tmp_path / "one", settings())
    prepare_tree(root, tmp_path / "two", settings(), workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_interrupt_ends_the_workers_and_what_is_done_stays(tmp_path: Path, no_leaks: None) -> None:
    root, out = pair_tree(tmp_path / "data", 4), tmp_path / "out"

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_tree(root, out, settings(), workers=2, progress=interrupt)
    assert list((out / ".parts").glob("*.json"))
    prepare_tree(root, out, settings())
    prepare_tree(root, tmp_path / "whole", settings())
    assert contents(out) == contents(tmp_path / "whole")


def test_a_file_that_ends_the_process_costs_only_itself(tmp_path: Path, no_leaks: None) -> None:
    root = pair_tree(tmp_path / "data", 2)
    parts = Parts(open_or_die, PARTS.make_finder)
    report = prepare_tree(root, tmp_path / "out", settings(), parts, workers=2)
    assert [(entry["source"], entry["reason"]) for entry in report["skipped"]] == [("fake/0001_fake.mp4", "crash")]
    assert report["prepared"] == 3


def test_what_is_left_out_says_why(tmp_path: Path) -> None:
    root = tmp_path / "data"
    face_video(root / "real" / "good.mp4", 0)
    face_video(root / "fake" / "good.mp4", 1)
    shutil.copy(root / "real" / "good.mp4", root / "real" / "zz_copy.mp4")
    face_video(root / "real" / "both.mp4", 2)
    shutil.copy(root / "real" / "both.mp4", root / "fake" / "both.mp4")
    empty_video(root / "real" / "empty.mp4", 3)
    face_video(root / "real" / "small.mp4", 4, box=(100, 100, 130, 130))
    (root / "real" / "broken.mp4").write_bytes(b"no video at all")
    (root / "real" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    report = prepare_tree(root, tmp_path / "out", settings())
    assert {entry["source"]: entry["reason"] for entry in report["skipped"]} == {
        "fake/both.mp4": "contradiction",
        "real/both.mp4": "contradiction",
        "real/broken.mp4": "unreadable",
        "real/torn.jpg": "unreadable",
        "real/empty.mp4": "no_face",
        "real/small.mp4": "too_small",
        "real/zz_copy.mp4": "duplicate",
    }
    assert all(entry["detail"].endswith(".") for entry in report["skipped"])
    assert report["prepared"] == 2
    assert report["sets"]["train"] == {"real": 1, "fake": 1, "crops": 6, "groups": 2}


def test_a_cut_off_video_gives_what_it_holds(tmp_path: Path) -> None:
    root = tmp_path / "data"
    whole = face_video(tmp_path / "whole.mp4", 0, frames=120)
    (root / "real").mkdir(parents=True)
    # Moving the index to the front would need another tool: a transport stream survives a cut.
    import av

    with av.open(str(whole)) as source, av.open(str(root / "real" / "cut.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = (root / "real" / "cut.mkv").read_bytes()
    (root / "real" / "cut.mkv").write_bytes(data[: len(data) // 2])
    face_video(root / "fake" / "good.mp4", 1)
    report = prepare_tree(root, tmp_path / "out", settings(frames=6))
    assert [entry["source"] for entry in report["broken_off"]] == ["real/cut.mkv"]
    assert 0 < sum(row["video"] == "real-cut" for row in rows_of(tmp_path / "out")) < 6


def test_pictures_and_folders_of_frames(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for number in range(70):  # more than one unit of pictures
        face_picture(root / ("real" if number % 2 else "fake") / f"{number}.png", number)
    report = prepare_tree(root, tmp_path / "out", settings())
    assert report["crops"] == 70
    frames = tmp_path / "ffpp"
    for number in range(10):
        face_picture(frames / "original_sequences" / "youtube" / "c23" / "images" / "000" / f"{number}.png", number)
    report = prepare_tree(frames, tmp_path / "out2", settings())
    assert report["crops"] == 3
    assert [row["frame_time_s"] for row in rows_of(tmp_path / "out2")] == ["0.040000", "0.200000", "0.320000"]


def test_several_faces_in_a_fake_are_a_note(tmp_path: Path) -> None:
    root = pair_tree(tmp_path / "data", 1)
    report = prepare_tree(root, tmp_path / "out", settings(), Parts(open_media, TwoFaces))
    assert any("3 frames of manipulated videos show several faces" in note for note in report["notes"])
    assert any("JPEG of quality 95, which adds its own loss" in note for note in report["notes"])


def test_arrays_of_videos(tmp_path: Path) -> None:
    root = pair_tree(tmp_path / "data", 1)
    empty_video(root / "real" / "0001.mp4", 9)
    wanted = settings()
    wanted = replace(wanted, cut=replace(wanted.cut, clips=ClipSettings(3, 48)))
    report = prepare_tree(root, tmp_path / "out", wanted)
    assert report["clips"] == 2
    with np.load(tmp_path / "out" / "npz" / "fake-0000_fake.npz") as clip:
        assert clip["frames"].shape == (3, 3, 48, 48)
        assert clip["label"] == 1
        assert clip["times_s"].tolist() == pytest.approx([0.08, 0.24, 0.4], abs=0.05)
        red, _, blue = clip["frames"][0, :, 24, 24]
        assert blue > red


def test_the_same_folder_goes_on_only_with_the_same_settings(tmp_path: Path) -> None:
    root, out = pair_tree(tmp_path / "data", 2), tmp_path / "out"
    first = prepare_tree(root, out, settings())
    before = contents(out)
    assert prepare_tree(root, out, settings()) == first  # finished: nothing is done again
    with pytest.raises(UsageError, match=r"begun with cut.frames 3 instead of 4: give another folder, or --restart"):
        prepare_tree(root, out, settings(frames=4))
    assert contents(out) == before
    with pytest.raises(UsageError, match=r"begun with splits.val 0.0 instead of 0.5"):
        prepare_tree(root, out, settings(val=0.5))
    assert prepare_tree(root, out, settings(frames=4), restart=True)["crops"] == 16
    face_video(root / "real" / "0009.mp4", 18)
    with pytest.raises(UsageError, match="begun with other files, labels or people"):
        prepare_tree(root, out, settings(frames=4))


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    root, out = pair_tree(tmp_path / "data", 1), tmp_path / "out"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    for restart in (False, True):
        with pytest.raises(UsageError, match="holds other things"):
            prepare_tree(root, out, settings(), restart=restart)
    assert contents(out) == {"letter.txt": b"dear"}


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    root, out = pair_tree(tmp_path / "data", 1), tmp_path / "out"
    refusals: list[str] = []

    def second(done: int, total: int) -> None:
        with pytest.raises(UsageError) as told:
            prepare_tree(root, out, settings())
        refusals.append(str(told.value))

    prepare_tree(root, out, settings(), progress=second)
    assert refusals
    assert all("Another run is filling" in text for text in refusals)


def test_a_small_disk_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pair_tree(tmp_path / "data", 1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(DataError, match=r"0\.0 GB free, and the crops may need 0\.3 GB"):
        prepare_tree(root, tmp_path / "out", settings())


def test_a_disk_that_fills_up_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = pair_tree(tmp_path / "data", 2), tmp_path / "out"
    usage = shutil.disk_usage(tmp_path)
    free = iter([1 << 40, 1 << 40, 1 << 20])
    with monkeypatch.context() as patched:
        patched.setattr(preparation.shutil, "disk_usage", lambda _: usage._replace(free=next(free)))
        with pytest.raises(DataError, match=r"nearly full.*goes on where it stopped"):
            prepare_tree(root, out, settings())
    assert prepare_tree(root, out, settings())["prepared"] == 4


def test_nothing_but_faceless_files_is_an_error(tmp_path: Path) -> None:
    for number in range(2):
        empty_video(tmp_path / "data" / ("real", "fake")[number] / "a.mp4", number)
    with pytest.raises(DataError, match=r"Not one face crop came of 2 files \(2 no_face\)"):
        prepare_tree(tmp_path / "data", tmp_path / "out", settings())


def test_a_worker_with_another_finder_is_refused(tmp_path: Path) -> None:
    class Other(TwoFaces):
        description = "something else"

    with pytest.raises(UnmaskError, match=f"with something else, not with {FINDER}"):
        prepare_tree(pair_tree(tmp_path / "data", 1), tmp_path / "out", settings(), Parts(open_media, Other))


def test_a_very_long_name(tmp_path: Path) -> None:
    face_picture(tmp_path / "data" / "real" / ("a" * 150) / f"{'b' * 150}.png", 0)
    face_picture(tmp_path / "data" / "real" / ("c" * 150) / f"{'b' * 150}.png", 1)
    prepare_tree(tmp_path / "data", tmp_path / "out", settings())
    keys = [row["key"] for row in rows_of(tmp_path / "out")]
    assert sorted(dict(read_pictures(tmp_path / "out", keys))) == sorted(keys)
    assert len(set(keys)) == 2


def test_only_so_many_files(tmp_path: Path) -> None:
    wanted = replace(settings(layout=LayoutOptions(label="real")), limit=2)
    for number in range(5):
        face_picture(tmp_path / "data" / f"{number}.png", number)
    assert prepare_tree(tmp_path / "data", tmp_path / "out", wanted)["items"] == 2
