"""How the modules end that are run on their own."""

from __future__ import annotations

import pytest

from unmask.engines.errors import UsageError, ends_with_a_sentence


@ends_with_a_sentence
def main(argv: list[str]) -> int | None:
    if "bad" in argv:
        raise UsageError("No such thing: give another.")
    return 3 if "three" in argv else None


def test_a_refusal_is_a_sentence_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bad"]) == 2
    said = capsys.readouterr()
    assert said.err == "error: No such thing: give another.\n"
    assert said.out == ""


def test_everything_else_keeps_its_exit_code() -> None:
    assert main([]) == 0
    assert main(["three"]) == 3
    with pytest.raises(TypeError):
        main(None)
