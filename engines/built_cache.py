"""What a runtime built for this machine (plans, timing tables, optimised graphs), kept for the next start.

A cache, never an artefact to trust: an entry is used only if every field that it was built for is what it is
now, its checksum is right and the file is the user's own. What does not fit is named, and built anew.

One entry is two files: ``<digest>.bin`` and ``<digest>.json``, which repeats the whole key, so that a
difference can be told by its name and not only by another digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from unmask.engines.errors import EngineError
from unmask.engines.file_lock import locked
from unmask.engines.ordinary_file import read_ordinary
from unmask.engines.plain_text import plain

FORMAT = 1
MAX_BYTES = 4 << 30
_LARGEST_NOTES = 1 << 20
#: Files without a partner and half-written ones are other processes' work in progress until this age.
_ABANDONED_S = 24 * 3600.0


def user_cache_folder() -> Path:
    """Where built engines lie unless ``EngineOptions.cache`` says otherwise. It need not exist."""
    return Path(platformdirs.user_cache_dir("unmask", appauthor=False)) / "engines"


@dataclass(frozen=True, slots=True)
class BuiltKey:
    """Everything that a built thing depends on.

    ``label`` says in words what it was built from (a model's path): it is for messages, and to find what a
    changed model leaves behind. ``fields`` are (name, value) pairs in words; all of them must agree. The
    one called ``model`` is the model's SHA-256.
    """

    label: str
    fields: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """Name of the entry's files: the fields alone decide it."""
        return hashlib.sha256(json.dumps(self.fields).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Lookup:
    """``payload`` is ``None`` where there is no entry to use; then ``reason`` says why, in words."""

    payload: bytes | None
    notes: Mapping[str, Any]
    reason: str


def differences(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Each field that differs, such as ``TensorRT 10.16.1 is now 11.4.0``."""
    names = dict.fromkeys((*now, *was))
    return [
        f"{name} {was.get(name, 'not recorded')} is now {now.get(name, 'not recorded')}"
        for name in names
        if was.get(name) != now.get(name)
    ]


class BuiltCache:
    """The entries of one ``kind``, such as ``tensorrt``, in a folder of that name under ``folder``.

    At most ``max_bytes`` of payloads stay; what was not used for longest goes first. Safe for several
    processes: files appear whole or not at all.
    """

    def __init__(self, kind: str, folder: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = (folder or user_cache_folder()) / kind
        self._max_bytes = max_bytes

    def find(self, key: BuiltKey) -> Lookup:
        """The entry of ``key``, with its checksum verified, or the reason why there is none to use."""
        payload_path, notes_path = self._paths(key)
        record = _record(notes_path)
        if record is None or not payload_path.is_file():
            return Lookup(None, {}, self._why_not(key))
        problem = _not_ours(payload_path) or _not_ours(notes_path)
        if problem is None and record["fields"] != dict(key.fields):
            problem = _told(differences(record["fields"], dict(key.fields)))
        if problem:
            return Lookup(None, {}, problem)
        try:
            payload = read_ordinary(payload_path, MAX_BYTES)
        except OSError as error:
            return Lookup(None, {}, f"{payload_path} cannot be read ({error.strerror or error})")
        if hashlib.sha256(payload).hexdigest() != record["sha256"]:
            return Lookup(None, {}, f"{payload_path} is damaged (its checksum differs)")
        with contextlib.suppress(OSError):
            os.utime(payload_path)  # prune() goes by the last use
        return Lookup(payload, record["notes"], "")

    def store(self, key: BuiltKey, payload: bytes, notes: Mapping[str, Any] | None = None) -> Path:
        """Keep ``payload`` for ``key`` and prune. ``notes`` must be JSON. Raises ``EngineError``."""
        payload_path, notes_path = self._paths(key)
        record = {
            "format": FORMAT,
            "label": key.label,
            "fields": dict(key.fields),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "notes": dict(notes or {}),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(payload_path, payload)
            _write_whole(notes_path, json.dumps(record, indent=2).encode())
        except OSError as error:
            raise EngineError(
                f"{payload_path} cannot be written ({error.strerror or error}): make its folder yours, or free some "
                "space there."
            ) from error
        self.prune(keep=key)
        return payload_path

    def locked(
        self, key: BuiltKey, *, waiting: Callable[[], None] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """The lock of ``key``: one process or thread at a time builds it. See ``file_lock.locked``."""
        return locked(self.folder / f"{key.digest}.lock", waiting=waiting)

    def prune(self, *, keep: BuiltKey | None = None) -> list[Path]:
        """Remove what is broken, what a changed model left behind, and what exceeds the size bound.

        ``keep`` stays, and what has its label but another model goes. Returns the payloads that went.
        """
        kept = dict(keep.fields) if keep else {}
        gone: list[Path] = []
        alive: list[tuple[float, int, Path]] = []
        for payload_path, record in self._entries():
            fields = record["fields"]
            outdated = keep is not None and record["label"] == keep.label and fields.get("model") != kept.get("model")
            if outdated:
                gone.append(payload_path)
            elif keep is None or payload_path != self._paths(keep)[0]:
                with contextlib.suppress(OSError):  # another process removed it
                    status = payload_path.stat()
                    alive.append((status.st_mtime, status.st_size, payload_path))
        room = self._max_bytes
        if keep is not None:
            with contextlib.suppress(OSError):
                room -= self._paths(keep)[0].stat().st_size
        for _, size, payload_path in sorted(alive, reverse=True):
            room -= size
            if room < 0:
                gone.append(payload_path)
        for payload_path in gone:
            _remove(payload_path)
        self._remove_abandoned()
        return gone

    def _paths(self, key: BuiltKey) -> tuple[Path, Path]:
        return self.folder / f"{key.digest}.bin", self.folder / f"{key.digest}.json"

    def _entries(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for notes_path in sorted(self.folder.glob("*.json")):
            record, payload_path = _record(notes_path), notes_path.with_suffix(".bin")
            if record is not None and payload_path.is_file():
                yield payload_path, record

    def _why_not(self, key: BuiltKey) -> str:
        """The entry that is nearest to ``key``, and in which fields it differs."""
        now = dict(key.fields)
        near = [
            differences(record["fields"], now)
            for _, record in self._entries()
            if record["label"] == key.label or record["fields"].get("model") == now.get("model")
        ]
        return _told(min(near, key=len)) if near else "none has been built here yet"

    def _remove_abandoned(self) -> None:
        whole = {path.stem for path, _ in self._entries()}
        oldest = time.time() - _ABANDONED_S
        for path in (*self.folder.glob("*.bin"), *self.folder.glob("*.json"), *self.folder.glob("*.part")):
            with contextlib.suppress(OSError):
                if path.stem not in whole and path.stat().st_mtime < oldest:
                    path.unlink()


def _told(differing: list[str]) -> str:
    return plain("; ".join(differing), 1000)  # the words of a file


def _record(path: Path) -> dict[str, Any] | None:
    """The JSON beside a payload; ``None`` where it is missing, damaged or of another format."""
    try:
        record = json.loads(read_ordinary(path, _LARGEST_NOTES))
    except (OSError, ValueError, RecursionError):
        return None
    shape = {"format": int, "label": str, "fields": dict, "sha256": str, "notes": dict}
    if not isinstance(record, dict) or any(not isinstance(record.get(name), kind) for name, kind in shape.items()):
        return None
    if record["format"] != FORMAT or any(not isinstance(value, str) for value in record["fields"].values()):
        return None
    return record


def _not_ours(path: Path) -> str | None:
    """A plan holds code for the GPU: what somebody else could have put there is not run."""
    if not hasattr(os, "geteuid"):  # Windows keeps others out of the cache folder by its own rights
        return None
    try:
        status = path.stat()
    except OSError as error:  # another process removed it
        return f"{path} cannot be read ({error.strerror or error})"
    if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
        return None
    return f"{path} belongs to or can be written by somebody else"


def _write_whole(path: Path, payload: bytes) -> None:
    """Write beside and move into place: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _remove(payload_path: Path) -> None:
    for path in (payload_path, payload_path.with_suffix(".json")):
        with contextlib.suppress(OSError):  # in use on Windows, or removed by another process
            path.unlink()
