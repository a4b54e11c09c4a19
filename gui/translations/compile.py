"""``python -m unmask.gui.translations.compile CODE ...``: from .ts to the .qm that the window loads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from unmask.engines.errors import UnmaskError
from unmask.gui.translations.qm import write_qm
from unmask.gui.translations.ts import read_ts

FOLDER = Path(__file__).parent


def compile_ts(source: Path, language: str) -> Path:
    """Write the .qm beside ``source``. Raises ``UsageError`` for a file that is no .ts."""
    target = source.with_suffix(".qm")
    target.write_bytes(write_qm(read_ts(source), language))
    return target


def main(codes: Sequence[str]) -> int:
    for code in codes:
        try:
            print(compile_ts(FOLDER / f"unmask_{code}.ts", code))
        except UnmaskError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
