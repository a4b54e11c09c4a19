"""The folder of one run: what it was asked, where it stands, what came of it."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.engines.errors import UnmaskError

CONFIG, HISTORY, TABLE = "config.json", "history.json", "history.csv"
LAST, BEST = "last.pt", "best.pt"


class RunError(UnmaskError):
    """A run cannot be begun, continued or read."""


class RunFolder:
    """Reads and writes the files of a run. Every file is written beside its place and moved there, so a
    kill leaves the old or the new one, never half of either."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def begin(self, config: Mapping[str, Any]) -> bool:
        """Claim the folder for ``config``; whether a run with the same one was begun here before.

        Raises ``RunError`` where another run lies here. What stands under ``about`` is not compared.
        """
        path = self.path / CONFIG
        plain = json.loads(json.dumps(config))
        if not path.is_file():
            self.write_json(CONFIG, plain)
            return False
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} is damaged: give another run folder.") from error
        if not isinstance(before, dict):
            raise RunError(f"{path} is damaged: give another run folder.")
        other = first_difference(before, plain)
        if other is not None:
            raise RunError(
                f"{self.path} holds a run with another {other}: give another run folder to begin anew, "
                "or the same settings to continue."
            )
        return True

    def write_json(self, name: str, content: object) -> None:
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> None:
        beside = self.path / f"{name}.part"
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self.path / name)

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """One row per epoch, as JSON and as a table."""
        self.write_json(HISTORY, list(rows))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(TABLE, text.getvalue())

    def save(self, name: str, state: object) -> None:
        """A torch checkpoint."""
        import torch

        beside = self.path / f"{name}.part"
        torch.save(state, beside)
        os.replace(beside, self.path / name)

    def load(self, name: str) -> dict[str, Any] | None:
        """A checkpoint of ours (tensors and plain values only), None where there is none yet."""
        import torch

        path = self.path / name
        if not path.is_file():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise RunError(f"{path} is damaged: delete it to begin this run anew.") from error


def first_difference(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> str | None:
    """The dotted name of the first setting that differs; ``about`` is left out of the comparison."""
    for key in (*before, *(key for key in after if key not in before)):
        name = f"{prefix}{key}"
        if name == "about":
            continue
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found = first_difference(old, new, f"{name}.")
            if found is not None:
                return found
        elif old != new:
            return name
    return None
