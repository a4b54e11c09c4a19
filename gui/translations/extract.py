"""``python -m unmask.gui.translations.extract CODE ...``: collect the window's sentences into .ts files."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path

from unmask.gui.translations.ts import read_ts, write_ts

GUI = Path(__file__).parent.parent
_CALLS = frozenset({"tr", "mark"})


def sentences(source: str) -> list[str]:
    """Every text that a call of ``tr`` or ``mark`` is given as it stands, in the order of the file."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    found = [node.args[0] for node in calls if _name(node.func) in _CALLS]
    return [text.value for text in found if isinstance(text, ast.Constant) and isinstance(text.value, str)]


def of_window(folder: Path = GUI) -> list[str]:
    """The sentences of every module below ``folder``, each once."""
    files = sorted(folder.rglob("*.py"))
    return list(dict.fromkeys(text for path in files for text in sentences(path.read_text(encoding="utf-8"))))


def renew(path: Path, language: str, texts: Sequence[str]) -> tuple[int, int]:
    """Bring ``path`` up to date: translations stay, sentences that are gone go. Returns how many there are, and
    how many still lack a translation."""
    before = read_ts(path) if path.exists() else {}
    now = {text: before.get(text, "") for text in texts}
    write_ts(path, now, language)
    return len(now), sum(not words for words in now.values())


def main(codes: Sequence[str]) -> int:
    texts = of_window()
    for code in codes:
        number, missing = renew(GUI / "translations" / f"unmask_{code}.ts", code, texts)
        print(f"{code}: {number} sentences, {missing} to translate")
    return 0


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
