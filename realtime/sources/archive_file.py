"""Opening a zip: once for all of its members, and never for more than it may hold."""

from __future__ import annotations

import errno
import io
import stat
import threading
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import SourceError
from unmask.engines.plain_text import plain

#: Of an entry in the directory of a zip; its own name and notes come behind it.
_ENTRY = b"PK\x01\x02"
#: Bytes of the directory per member that is allowed, names and notes included: an honest entry has a hundred.
_BYTES_PER_ENTRY = 1024
#: What the disk says where nothing can be unpacked to.
_NO_PLACE = (
    errno.ENOSPC,
    errno.EROFS,
    errno.EACCES,
    errno.ENOENT,
    *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else []),
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may unpack to. ``ratio`` (unpacked to packed) holds for members above
    ``ratio_from`` bytes: small plain pictures shrink a lot, honest videos do not."""

    members: int = 100_000
    total_bytes: int = 8 << 30
    image_bytes: int = 512 << 20
    ratio: float = 200.0
    ratio_from: int = 16 << 20


@contextmanager
def opened_archive(path: Path, limits: ArchiveLimits) -> Iterator[zipfile.ZipFile]:
    """The zip at ``path``, closed at the end; ``SourceError`` where it is none or has too many members."""
    archive = _open(path, limits)
    try:
        yield archive
    finally:
        _close(archive)


class SharedArchive:
    """A zip whose members are read one after another: its directory, which may list a hundred thousand, is read
    once and not for each of them. Any thread.

    It stays open until another one is read in this way, or nobody holds it any more.
    """

    _lock = threading.Lock()
    _latest: weakref.ref[SharedArchive] | None = None

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        self._path, self._limits = path, limits
        self._archive: zipfile.ZipFile | None = None
        self._readers = 0

    @contextmanager
    def opened(self) -> Iterator[zipfile.ZipFile]:
        """The open zip; ``SourceError`` as from ``opened_archive``."""
        with SharedArchive._lock:
            if self._archive is None:
                self._archive = _open(self._path, self._limits)
            self._readers += 1
            before = SharedArchive._current()
            SharedArchive._latest = weakref.ref(self)
            if before is not None and before is not self:
                before._close_if_idle()
        try:
            yield self._archive
        finally:
            with SharedArchive._lock:
                self._readers -= 1
                if SharedArchive._current() is not self:
                    self._close_if_idle()

    @classmethod
    def _current(cls) -> SharedArchive | None:
        return None if cls._latest is None else cls._latest()

    def _close_if_idle(self) -> None:
        if self._readers == 0 and self._archive is not None:
            _close(self._archive)
            self._archive = None

    def __del__(self) -> None:
        if self._archive is not None:
            _close(self._archive)


@contextmanager
def unpacking(archive: str, name: str) -> Iterator[None]:
    """Turns what goes wrong while a member is unpacked into a ``SourceError`` that names it."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:  # each way of packing has errors of its own
        what = f"{plain(name)} in {plain(archive)} cannot be unpacked"
        if isinstance(error, OSError) and error.errno in _NO_PLACE:
            raise SourceError(f"{what} ({error.strerror}); free some space or point TMPDIR elsewhere.") from error
        raise SourceError(f"{what} ({plain(str(error), 200)}); get the archive again.") from error


class _ZipBytes(io.BufferedReader):
    """The bytes of a zip. zipfile makes half a kilobyte of each entry of the directory, however many there are and
    whatever the end of the file says of their number: so they are counted in the bytes first."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(io.FileIO(path))
        self.name_shown = plain(path.name)
        self._limits = limits
        self.opening = True

    def read(self, size: int | None = -1, /) -> bytes:
        most = self._limits.members
        if self.opening and size is not None and size > most * _BYTES_PER_ENTRY:
            raise self._too_many()
        data = super().read(size)
        if self.opening and data.count(_ENTRY) > most:
            raise self._too_many()
        return data

    def _too_many(self) -> SourceError:
        return SourceError(f"{self.name_shown} has too many members; at most {self._limits.members} are taken.")


def _open(path: Path, limits: ArchiveLimits) -> zipfile.ZipFile:
    name = plain(path.name)
    file: _ZipBytes | None = None
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{name} is not an ordinary file; give a zip.")  # a pipe would be waited for
        file = _ZipBytes(path, limits)
        archive = zipfile.ZipFile(file)
        file.opening = False
        return archive
    except BaseException as error:
        if file is not None:
            file.close()
        if isinstance(error, FileNotFoundError):
            raise SourceError(f"{plain(str(path))} does not exist; check the path.") from None
        if isinstance(error, OSError) and error.strerror:
            raise SourceError(f"{name} cannot be read ({error.strerror}); check its permissions.") from error
        if isinstance(error, SourceError) or not isinstance(error, Exception):
            raise
        # zipfile raises a handful of kinds on a damaged directory, struct and the decoders of names some more
        raise SourceError(f"{name} is not a zip that can be read ({plain(str(error), 200)}).") from error


def _close(archive: zipfile.ZipFile) -> None:
    """And its file, which ``zipfile`` leaves open because it did not open it."""
    file = archive.fp
    archive.close()
    if file is not None:
        file.close()
