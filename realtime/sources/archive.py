"""A zip of frames, pictures or videos. Nothing is ever written outside a temporary folder of our own.

Pictures are read from memory. A video needs a file to seek in: it goes, under a name of our choosing,
into a folder that ``close`` removes.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Event

from unmask.engines.errors import SourceError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.archive_file import ArchiveLimits, SharedArchive, opened_archive, unpacking
from unmask.realtime.sources.archive_members import ArchiveMember, list_members, members_of, share_members
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.images import SEQUENCE_FPS, ImageSource
from unmask.realtime.sources.lifecycle import SourceBase, closed_while_opening
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Frame

__all__ = [
    "ArchiveLimits",
    "ArchiveMember",
    "ArchiveSource",
    "MemberSource",
    "list_members",
    "open_member",
    "share_members",
]

#: Time put between a video and its neighbours, so that no window of frames reaches over the seam.
_SEAM_S = 5.0
_COPY_BLOCK = 1 << 20


def open_member(
    path: Path, member: ArchiveMember, limits: ArchiveLimits | None = None, shared: SharedArchive | None = None
) -> MemberSource:
    """A source for one member of ``list_members``: unpacked when it is opened, removed when closed. ``shared`` as
    from ``share_members``."""
    return MemberSource(path, member, limits or ArchiveLimits(), shared=shared)


class MemberSource(SourceBase):
    """One picture or video of an archive. ``archive`` is the open zip, where the caller holds one, ``shared`` one
    that is opened when it is needed, and ``stop`` the caller's own sign that unpacking shall end."""

    def __init__(
        self,
        path: Path,
        member: ArchiveMember,
        limits: ArchiveLimits,
        archive: zipfile.ZipFile | None = None,
        stop: Event | None = None,
        shared: SharedArchive | None = None,
    ) -> None:
        super().__init__(f"{path}/{member.name}")
        self._path = path
        self._member = member
        self._limits = limits
        self._archive = archive
        self._shared = shared
        self._outer_stop = stop or Event()
        self._kept = ExitStack()
        self._inner: ImageSource | VideoFileSource | None = None

    def _open(self) -> SourceInfo:
        if self._archive is not None:
            self._inner = self._unpack(self._archive)
        else:
            shared = self._shared
            with shared.opened() if shared else opened_archive(self._path, self._limits) as archive:
                self._inner = self._unpack(archive)
        self._kept.callback(self._inner.close)
        return replace(self._inner.open(), source_id=self.source_id)

    def _unpack(self, archive: zipfile.ZipFile) -> ImageSource | VideoFileSource:
        name = plain(PurePosixPath(self._member.name).name)
        with unpacking(self._path.name, name):
            if self._member.kind == "image":
                if self._member.size > self._limits.image_bytes:
                    raise SourceError(f"{name} in {plain(self._path.name)} is too large for a picture; it is refused.")
                with archive.open(self._member.name) as packed:
                    return ImageSource(self.source_id, packed.read(self._member.size + 1), name)
            return self._unpack_video(archive, name)

    def _unpack_video(self, archive: zipfile.ZipFile, name: str) -> VideoFileSource:
        folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory(prefix="unmask-")))
        free = shutil.disk_usage(folder).free
        if self._member.size > free:
            raise SourceError(
                f"{name} in {plain(self._path.name)} needs {self._member.size >> 20} MiB of temporary space, but "
                f"{free >> 20} MiB are free; free some or point TMPDIR elsewhere."
            )
        # Our own name: the member's may be too long or mean something to this file system.
        target = folder / f"video{PurePosixPath(self._member.name).suffix.lower()}"
        with archive.open(self._member.name) as packed, target.open("wb") as out:
            while block := packed.read(_COPY_BLOCK):
                out.write(block)
                if self._stop.is_set() or self._outer_stop.is_set():
                    raise closed_while_opening(self.source_id)
        return VideoFileSource(target, self.source_id)

    def _grab(self) -> Frame | None:
        assert self._inner is not None
        return self._inner.read()

    def frames_at(self, times_s: Iterable[float], *, by_clock: bool = True) -> Iterator[Frame]:
        """As ``VideoFileSource.frames_at``; a picture is shown at every moment."""
        inner = self._inner
        if isinstance(inner, VideoFileSource):
            yield from inner.frames_at(times_s, by_clock=by_clock)
        else:
            frame = self.read()
            if frame is not None:
                yield from (frame for _ in times_s)

    def outlasts(self, end_s: float) -> bool:
        """As ``VideoFileSource.outlasts``; a picture never does."""
        return isinstance(self._inner, VideoFileSource) and self._inner.outlasts(end_s)

    def _free(self) -> None:
        self._kept.close()
        self._inner = None


class ArchiveSource(SourceBase):
    """An archive as one sequence: pictures are frames at ``fps``, videos play in their turn.

    A video stands five seconds apart from its neighbours on the timeline.
    """

    takes = frozenset({"fps"})

    def __init__(
        self, source_id: str, path: Path, *, fps: float | None = None, limits: ArchiveLimits | None = None
    ) -> None:
        super().__init__(source_id)
        self._path = path
        self._fps = fps or SEQUENCE_FPS
        self._limits = limits or ArchiveLimits()
        self._members: list[ArchiveMember] = []
        self._current: MemberSource | None = None
        self._kept = ExitStack()
        self._archive: zipfile.ZipFile | None = None

    def _open(self) -> SourceInfo:
        self._archive = self._kept.enter_context(opened_archive(self._path, self._limits))
        self._members = members_of(self._path.name, self._archive, self._limits)
        kinds = [member.kind for member in self._members]
        self._place = 0
        self._offset_s = 0.0
        self._last_s = 0.0
        first = self._enter()
        only_pictures = "video" not in kinds
        count = len(kinds) if only_pictures else None
        text = f"{plain(self._path.name)}, {kinds.count('image')} pictures, {kinds.count('video')} videos"
        return SourceInfo(
            self.source_id,
            "archive",
            f"{text}, {first.width}x{first.height}",
            live=False,
            width=first.width,
            height=first.height,
            fps=self._fps if only_pictures else first.fps,
            duration_s=None if count is None else count / self._fps,
            frame_count=count,
        )

    def _enter(self) -> SourceInfo:
        self._current = MemberSource(self._path, self._members[self._place], self._limits, self._archive, self._stop)
        return self._current.open()

    def _grab(self) -> Frame | None:
        while self._current is not None and not self._stop.is_set():
            frame = self._current.read()
            if frame is not None:
                self._last_s = self._offset_s + frame.time_s
                return self._frame(frame.image, frame.captured_at, self._last_s)
            self._current.close()
            self._current = None
            self._place += 1
            if self._place < len(self._members):
                pair = {self._members[self._place - 1].kind, self._members[self._place].kind}
                self._offset_s = self._last_s + (1 / self._fps if pair == {"image"} else _SEAM_S)
                self._enter()
        return None

    def _free(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.close()
        self._kept.close()
