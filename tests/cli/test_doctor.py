from __future__ import annotations

import json

import pytest

from unmask.cli.main import main
from unmask.realtime.doctor.finding import Finding

GOOD = Finding("Python", "version", "ok", "Python 3.11.")
NOTE = Finding("cameras", "list", "note", "None [here].", "Run: pip install 'unmask[gui]'")
BAD = Finding("models", "detector", "problem", "It differs.", "Install it again.")


def found(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    monkeypatch.setattr("unmask.realtime.doctor.examine.examine", lambda: list(findings))


def test_notes_are_no_problem_and_brackets_are_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found(monkeypatch, GOOD, NOTE)
    assert main(["doctor"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "None [here]." in shown
    assert "pip install 'unmask[gui]'" in shown
    assert "0 problems, 1 note;" in shown


def test_a_problem_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found(monkeypatch, GOOD, BAD)
    assert main(["doctor"]) == 1
    assert "Install it again." in capsys.readouterr().out


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found(monkeypatch, GOOD, NOTE, BAD)
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == 1
    assert told["counts"] == {"problem": 1, "note": 1, "ok": 1}
    assert told["findings"][2] == {
        "group": "models",
        "name": "detector",
        "state": "problem",
        "text": "It differs.",
        "remedy": "Install it again.",
    }


def test_it_runs_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["findings"]


def test_a_wrong_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--nonsense"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
