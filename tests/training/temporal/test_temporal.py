"""Windows of embeddings: kept, learnt from and compared, with made-up embeddings in place of an encoder's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch (the train extra)")

from unmask.training.data.dfdc import DataError  # noqa: E402
from unmask.training.experiments.pool import Pool  # noqa: E402
from unmask.training.run.folder import BEST, LAST, RunFolder  # noqa: E402
from unmask.training.temporal import __main__ as command_line  # noqa: E402
from unmask.training.temporal.embed import CHUNK, Windows, embed_clips, read_windows  # noqa: E402
from unmask.training.temporal.judge import DIFFERENCES, ROWS, compare, markdown  # noqa: E402
from unmask.training.temporal.learn import HeadTrainer, hold_out, random_mask, scores  # noqa: E402
from unmask.training.temporal.sets import FRAMES, SIZE, Clip, footage, pool_clips  # noqa: E402
from unmask.training.zoo.models.base import ZooModel  # noqa: E402
from unmask.training.zoo.recipe import Recipe, RecipeError, changed  # noqa: E402
from unmask.training.zoo.registry import build_model, find_recipe  # noqa: E402
from unmask.training.zoo.weights import load_trained  # noqa: E402

D = 1280


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def flickering(count: int, seed: int, frames: int = 8) -> Windows:
    """Fakes jump between neighbouring frames in one direction of the embedding; no single frame tells."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 0.05, (count, frames, D)).astype(np.float32)
    fake = np.arange(count) % 2 == 1
    slow = np.sign(rng.normal(size=(count, 1))) * np.ones((count, frames))
    fast = slow * np.where(np.arange(frames) % 2, 1, -1)
    vectors[..., 0] += 3 * np.where(fake[:, None], fast, slow)
    groups = np.asarray([f"person {number // 4}" for number in range(count)])
    return Windows(vectors, fake, groups, np.where(fake, "moving", "genuine"))


def small(**changes: object) -> Recipe:
    quick = {"head.hidden": 8, "head.dropout": 0.0, "training.epochs": 4, "optimiser.rate": 1e-2, "input.frames": 8}
    return changed(find_recipe("mobilenet-v2-lstm-16"), quick | changes)


def model_of(recipe: Recipe) -> ZooModel:
    torch.manual_seed(0)
    return build_model(recipe)


def quiet(line: str) -> None:
    pass


def test_a_head_over_time_finds_what_no_single_frame_tells(tmp_path: Path) -> None:
    recipe = small(**{"training.epochs": 6})
    model = model_of(recipe)
    before = [parameter.clone() for parameter in model.backbone.parameters()]
    HeadTrainer(model, recipe, flickering(224, 1), RunFolder(tmp_path), quiet).fit()
    best, _ = load_trained(tmp_path / BEST)
    fresh = flickering(120, 2)
    first = scores(build_model(recipe), fresh)[1]
    rows = compare(fresh, first, scores(best, fresh), np.zeros(120), rounds=20)
    assert rows["window"].value > 0.9
    assert rows["frame again"].value < 0.65
    assert rows["window - frame again"].low > 0.2
    assert rows["shuffled"].value == 0.5
    assert set(rows) == {*ROWS, *(f"{one} - {other}" for one, other in DIFFERENCES)}
    assert "120 windows, 60 of them fake, 30 people" in markdown("made up", fresh, rows)
    for old, new in zip(before, model.backbone.parameters(), strict=True):
        assert torch.equal(old, new)


def test_a_killed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    recipe, windows = small(), flickering(96, 1)
    whole = HeadTrainer(model_of(recipe), recipe, windows, RunFolder(tmp_path / "whole"), quiet)
    whole.fit()

    class Killed(Exception):
        pass

    def kill(line: str) -> None:
        if line.startswith("epoch 3"):
            raise Killed

    cut = HeadTrainer(model_of(recipe), recipe, windows, RunFolder(tmp_path / "cut"), kill)
    with pytest.raises(Killed):
        cut.fit()
    again = HeadTrainer(model_of(recipe), recipe, windows, RunFolder(tmp_path / "cut"), quiet)
    assert again.resume()
    assert again.epoch == 2
    again.fit()
    for one, other in zip(whole.heads.parameters(), again.heads.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.history == again.history
    assert (tmp_path / "cut" / LAST).is_file()


def test_people_who_choose_the_epoch_are_not_learnt_from() -> None:
    windows = flickering(200, 1)
    held = hold_out(windows, 1)
    assert 0.1 < held.mean() < 0.25
    assert not set(windows.groups[held]) & set(windows.groups[~held])


def test_settings_that_would_be_passed_over_are_refused(tmp_path: Path) -> None:
    for name, value in (("training.average", 0.9), ("freeze.train_last", 3), ("loss.balance", True)):
        recipe = small(**{name: value})
        with pytest.raises(RecipeError, match="mobilenet-v2-lstm-16"):
            HeadTrainer(model_of(recipe), recipe, flickering(96, 1), RunFolder(tmp_path), quiet)


def test_masks_leave_enough_and_often_all() -> None:
    mask = random_mask(400, 16, np.random.default_rng(0))
    assert (mask.sum(axis=1) >= 4).all()
    assert 0.4 < (mask.sum(axis=1) == 16).mean() < 0.7
    assert mask[:, -1].mean() > 0.85  # windows begin late, they do not end early


def made_up(count: int, calls: list[int]) -> list[Clip]:
    def make(number: int) -> np.ndarray:
        calls.append(number)
        return np.full((FRAMES, 4, 4, 3), number, np.uint8)

    return [
        Clip(number % 2 == 1, f"p{number}", "made up", lambda number=number: make(number)) for number in range(count)
    ]


def test_embedding_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    calls: list[int] = []
    clips = made_up(CHUNK + 20, calls)

    def embedder(crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), -1)[:, :2].astype(np.float32)

    def failing(crops: np.ndarray) -> np.ndarray:
        if crops[0, 0, 0, 0] == CHUNK + 5:
            raise OSError("the disk is gone")
        return embedder(crops)

    with pytest.raises(OSError, match="disk"):
        embed_clips(clips, failing, tmp_path, quiet)
    with pytest.raises(DataError, match="not complete"):
        read_windows(tmp_path)
    calls.clear()
    embed_clips(clips, embedder, tmp_path, quiet)
    assert calls == list(range(CHUNK, CHUNK + 20))
    windows = read_windows(tmp_path)
    assert windows.vectors.shape == (CHUNK + 20, FRAMES, 2)
    np.testing.assert_array_equal(windows.vectors[:, 3, 1], np.arange(CHUNK + 20))
    assert windows.groups[7] == "p7"
    assert windows.fake.tolist() == [number % 2 == 1 for number in range(CHUNK + 20)]


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = np.random.default_rng(0)
    real = rng.integers(60, 190, (FRAMES + 1, 64, 64, 3), dtype=np.uint8)
    fake = real.copy()
    fake[:, 24:40, 24:40] = 255 - fake[:, 24:40, 24:40]
    boxes = np.tile(np.array([16, 16, 48, 48], np.float32), (len(real), 1))
    groups = (*["clip"] * FRAMES, "short")
    return Pool(real, fake, boxes, groups, ("swap",) * len(real))


def test_a_pair_gives_a_genuine_window_and_the_kinds_of_fake(pool: Pool) -> None:
    clips = pool_clips(pool, [0, 3], 1, fakes=["both", "still"])
    assert [(clip.source, clip.fake) for clip in clips] == [
        ("genuine", False), ("still", True), ("moving", True), ("genuine", False), ("still", True),
    ]  # fmt: skip
    genuine, still, moving = (clip.make().astype(int) for clip in clips[:3])
    assert genuine.shape == (FRAMES, SIZE, SIZE, 3)
    np.testing.assert_array_equal(genuine, clips[0].make())
    edge, middle = np.s_[:, :8, :8], np.s_[:, 80:112, 80:112]
    assert np.abs(still - genuine)[edge].mean() < 0.3 * np.abs(still - genuine)[middle].mean()
    assert np.abs(moving - still)[middle].mean() > 2


def test_footage_takes_whole_clips_only(pool: Pool) -> None:
    clips = footage(pool)
    assert [(clip.group, clip.fake) for clip in clips] == [("clip", False), ("clip", True)]
    assert clips[0].make().shape == (FRAMES, SIZE, SIZE, 3)


def test_bad_arguments_end_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--material", str(tmp_path), "--work", str(tmp_path), "--pools", str(tmp_path)]
    start = [*common, "--start", str(tmp_path / "absent.pt")]
    for words, complaint in (
        (["embed", "DFDC val"], "no checkpoint at"),
        (["embed", "nonsense"], "There is no set 'nonsense'"),
        (["train", "x"], "run the command 'embed' first"),
        (["train", "x", "--set", "rate"], "write KEY=VALUE"),
        (["train", "x", "--recipe", "cnn"], "does not read windows of 16 frames"),
        (["judge", "x"], "no trained network at"),
    ):
        assert command_line.main([*start, *words]) == 2
        printed = capsys.readouterr().err
        assert complaint in printed
        assert len(printed.strip().splitlines()) == 1


def test_train_and_judge_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from unmask.training.models.mobilenet_v2 import MobileNetV2

    torch.manual_seed(0)
    torch.save(MobileNetV2().state_dict(), tmp_path / "start.pt")
    for name, count in (("train-pairs", 96), ("people", 60), ("DFDC-val", 60), ("clips", 24), ("clips-other", 24)):
        made = flickering(count, count, FRAMES)
        folder = tmp_path / "windows" / name
        folder.mkdir(parents=True)
        np.savez(folder / "00000.npz", vectors=made.vectors, fake=made.fake, groups=made.groups, sources=made.sources)
        (folder / "done").touch()
    common = ["--material", str(tmp_path), "--work", str(tmp_path), "--pools", str(tmp_path)]
    common += ["--start", str(tmp_path / "start.pt")]
    settings = ["--set", "training.epochs=2", "head.hidden=4"]
    assert command_line.main([*common, "train", "x", "--learn", "train pairs", *settings]) == 0
    assert command_line.main([*common, "judge", "x", "--rounds", "20"]) == 0
    assert "people, moving" in capsys.readouterr().out
    judged = json.loads((tmp_path / "x" / "judged.json").read_text())
    assert set(judged) == {"people, moving", "DFDC val, moving", "clips, moving", "clips other, moving"}
    assert command_line.main([*common, "train", "x", "--learn", "train pairs", "--set", "training.epochs=3"]) == 2
    assert "another recipe" in capsys.readouterr().err
