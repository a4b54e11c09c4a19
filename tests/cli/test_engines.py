from __future__ import annotations

import json

import pytest

from unmask.cli.main import main
from unmask.engines.registry import ENGINE_NAMES, EngineListing


def test_the_table_names_every_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ENGINE_NAMES)
    assert "not part of this version" in " ".join(shown.split())


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["engines"]
    assert [row["name"] for row in rows] == list(ENGINE_NAMES)
    assert {row["name"] for row in rows if row["available"]} == {"auto", "ort-cpu"}
    assert all(row["reason"] for row in rows)


def test_a_wrong_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["engines", "--nonsense"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_reason_in_brackets_is_text_and_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [EngineListing("x", False, "run: pip install 'unmask[gpu]' [/usr/lib]")]
    monkeypatch.setattr("unmask.engines.registry.list_engines", lambda: rows)
    assert main(["engines"]) == 0
    assert "unmask[gpu]' [/usr/lib]" in " ".join(capsys.readouterr().out.split())
