"""Crops of finished units, in the order of the units, packed into tars of a fixed number."""

from __future__ import annotations

import tarfile
from collections import deque
from pathlib import Path

from unmask.training.prepare.ledger import Ledger, tar_of, write_whole


class Packer:
    """Writes ``faces-00000.tar`` and so on as soon as all units before have been seen.

    A shard that lies there is whole and is not written again; crops that are in one leave the ledger.
    """

    def __init__(self, ledger: Ledger, per_shard: int) -> None:
        self._ledger = ledger
        self._per_shard = per_shard
        self._waiting: dict[int, list[str]] = {}
        self._next = 0
        self._shard = 0
        self._open: deque[tuple[int, str]] = deque()

    def add(self, unit: int, names: list[str]) -> None:
        """``names``: the files of the crops of a unit that is done."""
        self._waiting[unit] = names
        while self._next in self._waiting:
            self._open.extend((self._next, name) for name in self._waiting.pop(self._next))
            self._next += 1
        while len(self._open) >= self._per_shard:
            self._write(self._per_shard)

    def finish(self) -> int:
        """Write what is left; the number of shards."""
        if self._open:
            self._write(len(self._open))
        return self._shard

    def _write(self, count: int) -> None:
        taken = [self._open.popleft() for _ in range(count)]
        path = self._ledger.folder / f"faces-{self._shard:05d}.tar"
        if not path.is_file():
            write_whole(path, tar_of((name, data) for name, data in self._read(taken)))
        self._shard += 1
        still_open = self._open[0][0] if self._open else None
        for unit in {unit for unit, _ in taken} - {still_open}:
            self._ledger.crops_path(unit).unlink(missing_ok=True)

    def _read(self, wanted: list[tuple[int, str]]) -> list[tuple[str, bytes]]:
        found = []
        names_of: dict[int, list[str]] = {}
        for unit, name in wanted:
            names_of.setdefault(unit, []).append(name)
        for unit, names in names_of.items():
            found += _members(self._ledger.crops_path(unit), names)
        return found


def _members(path: Path, names: list[str]) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        files = [(name, archive.extractfile(name)) for name in names]
        return [(name, file.read()) for name, file in files if file]
