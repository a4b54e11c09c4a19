"""What a stranger types: each is one sentence that says what was meant, and none has to wait for a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from unmask.cli.main import main


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What a command says of its arguments, in one line, before it has opened a detector."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"looked at later")
    (tmp_path / "folder").mkdir()
    for module in ("watch", "scan"):
        monkeypatch.setattr(f"unmask.cli.{module}.open_detector", lambda *_, **__: pytest.fail("a model was opened"))

    def say(*words: str) -> str:
        try:
            code = main(words)
        except SystemExit as left:
            code = left.code
        printed = capsys.readouterr()
        assert (code, printed.out) == (2, "")
        assert printed.err.count("\n") == 1
        return printed.err.strip()

    return say


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["help"], "unmask: There is no command 'help'; did you mean --help?"),
        (["--versoin"], "unmask: there is no option --versoin (did you mean --version?); see: unmask --help"),
        (["scan", "a", "--jsno=x"], "unmask scan: there is no option --jsno (did you mean --json?)"),
        (["history", "list", "--josn"], "unmask history list: there is no option --josn (did you mean --json?)"),
        (["detectors", "verify", "list", "--zzz"], "unmask detectors verify: there is no option --zzz; see"),
        (["doctor", "now"], "unmask doctor: there is nothing to do with 'now'; see: unmask doctor --help"),
        (["watch", "clip.mp4", "--width", "wide"], "--width: wide is not a whole number above 0"),
        (["export", "triton", "a", "b", "--queue-delay-us", "-5"], "--queue-delay-us: -5 is not a whole number from 0"),
        (["export", "wrap", "a", "--out", "b", "--threshold", "nan"], "--threshold: nan is not a number"),
        (["export", "warp", "a.onnx", "--out", "b"], "there is no checkpoint 'warp' (did you mean wrap?)"),
        (["export", "triton", "unmask-lite", "clip.mp4"], "clip.mp4 is a file: give a folder for the repository"),
        (["export", "variants", "unmask-lite", "--data", "a", "--precision", "int8"], "There is nothing at a: give"),
        (["demo", "--headless", "--record", "absent/out.mp4"], "the folder absent does not exist"),
        (["bench", "latency", "--clip", "absent.mp4"], "There is no clip at absent.mp4"),
        (["bench", "all", "--results", "clip.mp4"], "clip.mp4 is a file: give the name of a folder"),
        (["bench", "engines", "--batches", "0"], "--batches 0 does not work"),
        (["train", "prepare", "absent", "b"], "absent is no folder"),
        (["train", "prepare", "a", "b", "--workers", "all"], "--workers: all is not a whole number above 0"),
        (["train", "evaluate", "a", "b", "--out", "c", "--rounds", "x"], "--rounds: x is not a whole number from 0 on"),
    ],
)
def test_a_slip_is_understood(said, words, sentence):
    assert sentence in said(*words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["absent.mp4"], "There is no file and no source 'absent.mp4'"),
        ([""], "There is no file and no source ''"),
        (["clip.mp4", "clip.mp4"], "A source is named twice"),
        (["clip.mp4", "--backend", "v4l2"], "--backend is for cameras"),
        (["clip.mp4", "--record", "absent/out.mp4"], "the folder absent does not exist"),
        (["clip.mp4", "--record", "out.txt"], "must end with .mp4"),
        (["clip.mp4", "--record", "clip.mp4"], "would be written over"),
        (["clip.mp4", "--jsonl", "absent/out.jsonl"], "Cannot write absent/out.jsonl: give --jsonl"),
        (["clip.mp4", "--jsonl", "folder"], "Cannot write folder: give --jsonl"),
        (["clip.mp4", "--jsonl", "clip.mp4"], "would be written over"),
    ],
)
def test_watch_looks_at_its_arguments_first(said, words, sentence):
    assert sentence in said("watch", "--headless", *words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([""], "argument PATH: the name is empty"),
        (["camera:0"], "camera:0 is live and has no end to scan to: use `unmask watch camera:0`"),
        (["absent.mp4"], "absent.mp4 does not exist"),
        (["absent.mp4", "folder"], "absent.mp4 does not exist; check the path, or give an address with its scheme"),
    ],
)
def test_scan_does_not_load_a_model_for_nothing(said, words, sentence):
    assert sentence in said("scan", *words)


def test_a_file_may_have_the_name_of_a_camera(said, tmp_path, monkeypatch):
    """It is looked at, for which a model is opened."""
    (tmp_path / "camera:0").write_bytes(b"no video")
    with pytest.raises(pytest.fail.Exception, match="a model was opened"):
        said("scan", "camera:0")
