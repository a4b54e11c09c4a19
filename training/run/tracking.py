"""Where the course of a run can be watched: TensorBoard where it is installed, the table in any case."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Tracker:
    """Writes one row of numbers per epoch to ``folder/tensorboard``; says so where it cannot."""

    def __init__(self, folder: Path, log: Callable[[str], None], *, from_step: int = 0) -> None:
        self._writer: Any = None
        if importlib.util.find_spec("tensorboard") is None:
            log("tensorboard is not installed: the numbers of each epoch are in history.csv only")
            return
        from torch.utils.tensorboard import SummaryWriter

        # What was written after the checkpoint that a run continues from would be there twice.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=from_step or None)

    def row(self, step: int, numbers: Mapping[str, float]) -> None:
        if self._writer is not None:
            for name, value in numbers.items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
