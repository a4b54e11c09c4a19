"""What is done so far: a record per unit of work, written whole or not at all, so that a killed run goes on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unmask.engines.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there, two runs in one folder are the person's own care
    fcntl = None

VERSION = 1
SETTINGS, INDEX, REPORT, CLIPS, PARTS = "prepare.json", "index.csv", "report.json", "npz", ".parts"
SHARDS = "faces-*.tar"


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """``path`` is what it was before, or all of ``data``, whatever happens in between."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # with the rights of the umask, unlike tempfile's
    try:
        with part.open("xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def read_json(path: Path, kind: type[Any]) -> Any:
    """What ``as_json`` wrote, of that kind. Raises ``UsageError`` for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(found, kind):
        raise damaged(path, f"it holds no {kind.__name__}")
    return found


def damaged(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is damaged ({why[:100]}): give another folder, or --restart to begin anew.")


def _is_result(result: Any) -> bool:
    """Whether it is of ``UnitWorker``, as far as it is read again."""
    if not isinstance(result, dict) or not isinstance(result.get("source"), str):
        return False
    rows = result.get("rows")
    return isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get("file"), str) for row in rows)


def tar_of(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A tar that depends on nothing but its files: no times, no owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


class Ledger:
    """The output folder while it is being filled. ``open`` tells whether it is finished already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts = folder / PARTS

    def open(self, settings: Mapping[str, Any], *, restart: bool) -> bool:
        """Make the folder, or check that it was begun with the same settings. True when it is finished.

        Raises ``UsageError`` for a folder with other contents or other settings.
        """
        self._make_folder()
        if restart:
            self._clear()
        wanted = {"version": VERSION, **settings}
        path = self.folder / SETTINGS
        if path.is_file():
            self._compare(read_json(path, dict), json.loads(as_json(wanted)))
        elif any(self.folder.iterdir()):
            raise UsageError(f"{self.folder} holds other things: give a new or empty folder for the crops.")
        else:
            write_whole(path, as_json(wanted))
        if (self.folder / INDEX).is_file():
            return True
        self.parts.mkdir(exist_ok=True)
        for folder in (self.folder, self.parts, self.folder / CLIPS):
            for left in folder.glob(".*.*.*") if folder.is_dir() else ():
                left.unlink()  # half a file of a run that was killed
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else fills this folder meanwhile; the lock goes with the process, even a killed one."""
        self._make_folder()
        if fcntl is None:
            yield
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise UsageError(f"Another run is filling {self.folder}: wait for it, or give another folder.") from None
        try:
            yield
        finally:
            os.close(handle)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder} cannot be made ({error.strerror}): give a folder you own.") from None

    def _clear(self) -> None:
        """Only what a preparation writes; other files stay, and are complained of."""
        if not (self.folder / SETTINGS).is_file():
            return
        for path in (*self.folder.glob(SHARDS), *(self.folder / name for name in (INDEX, REPORT))):
            path.unlink(missing_ok=True)
        for name in (CLIPS, PARTS):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / SETTINGS).unlink()

    def _compare(self, there: dict[str, Any], wanted: dict[str, Any]) -> None:
        before, now = _flat(there), _flat(wanted)
        # Other settings often change the items too: they are named first.
        names = sorted(now, key=lambda name: (name == "items", name))
        differing = next((name for name in names if before.get(name) != now[name]), None)
        if differing is None:
            return
        if differing in ("items", "version"):
            what = "other files, labels or people" if differing == "items" else "another version of Unmask"
        else:
            what = f"{differing} {json.dumps(before.get(differing))} instead of {json.dumps(now[differing])}"
        raise UsageError(f"{self.folder} was begun with {what}: give another folder, or --restart to begin anew.")

    def record_path(self, unit: int) -> Path:
        return self.parts / f"{unit:07d}.json"

    def crops_path(self, unit: int) -> Path:
        return self.parts / f"{unit:07d}.tar"

    def done(self) -> set[int]:
        return {int(path.stem) for path in self.parts.glob("*.json") if path.stem.isdecimal() and len(path.stem) < 10}

    def read(self, unit: int) -> list[dict[str, Any]]:
        path = self.record_path(unit)
        results = read_json(path, list)
        if not all(_is_result(result) for result in results):
            raise damaged(path, "it is no record of crops")
        return results

    def write(self, unit: int, results: list[dict[str, Any]], crops: list[tuple[str, bytes]]) -> None:
        """The crops first: a record means that they are there."""
        if crops:
            write_whole(self.crops_path(unit), tar_of(crops))
        write_whole(self.record_path(unit), as_json(results))

    def finish(self, index: Iterable[bytes], report: Mapping[str, Any]) -> None:
        """The index comes last: where it lies, everything is there."""
        write_whole(self.folder / REPORT, as_json(report))
        write_whole(self.folder / INDEX, index)
        shutil.rmtree(self.parts)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Groups of settings opened up one level: ``cut`` with ``frames`` becomes ``cut.frames``."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= {f"{name}.{inner}": one for inner, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def fingerprint(values: Iterable[object]) -> str:
    """A checksum of anything that prints the same when it is the same."""
    total = hashlib.sha256()
    for value in values:
        total.update(repr(value).encode())
    return total.hexdigest()
