"""The first training, from a data set on disk to a checkpoint, in miniature."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

import small_run  # noqa: E402

from unmask.training import first  # noqa: E402
from unmask.training.data.cache import open_cache  # noqa: E402
from unmask.training.data.dfdc import read_index  # noqa: E402


@pytest.fixture(autouse=True)
def ends_as_it_began() -> None:
    """Training sets torch's threads for the whole process."""
    torch.set_num_threads(1)


def test_trains_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_run.write_data(tmp_path / "data", small_run.random_network())
    run = tmp_path / "run"
    small_run.write_faces(run / "cache")
    asked = ["--material", str(tmp_path / "data"), "--out", str(run), "--size", "32", "--batch", "8"]
    assert first.main([*asked, "--epochs", "1"]) == 0
    facts = json.loads((run / "run.json").read_text())
    assert facts["size"] == 32
    assert facts["held_out_groups"]
    assert len(json.loads((run / "history.json").read_text())["history"]) == 1
    assert first.main([*asked, "--epochs", "2"]) == 0
    assert "continuing after epoch 1" in capsys.readouterr().out
    assert len(json.loads((run / "history.json").read_text())["history"]) == 2
    assert set(torch.load(run / "best.pt", weights_only=True)) == set(small_run.random_network().state_dict())


def test_items_hold_no_held_out_person_and_blends_are_of_real_faces(tmp_path: Path) -> None:
    small_run.write_data(tmp_path / "data", small_run.random_network())
    small_run.write_faces(tmp_path / "cache")
    first.prepare(tmp_path / "data", tmp_path / "cache", None)
    labelled, faces = (open_cache(tmp_path / "cache" / name) for name in ("dfdc-train", "lfw"))
    records = read_index(tmp_path / "data" / "data" / "dfdc")
    kept = [record for record in records if record.split == "train" and record.group != "3"]
    items = first.training_items(labelled, kept, faces, 0.5, seed=1)
    named = {record.key: record for record in records}
    from_labelled = [(item, named[labelled.names[item.position]]) for item in items if item.pixels is labelled.pixels]
    assert {record.group for _, record in from_labelled} == {str(n) for n in range(1, 48, 2)} - {"3"}
    assert all(not record.fake for item, record in from_labelled if item.blend)
    count = 46 // 2  # half a blend for each of the 46 labelled crops that are left
    from_faces = [item for item in items if item.pixels is faces.pixels]
    assert sum(item.blend for item in from_faces) == count // 2
    assert sum(item.blend for item, _ in from_labelled) == count // 2
    assert sum(not item.blend for item in from_faces) == 12  # as many as blends, but there are only 12
    crops, labels = first.validation_set(
        open_cache(tmp_path / "cache" / "dfdc-val"), [r for r in records if r.split == "val"], 32
    )
    assert crops.shape == (48, 32, 32, 3)
    assert np.isin(labels, [0, 1]).all()


def test_missing_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert first.main(["--material", str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert "There is no index.csv" in capsys.readouterr().err
