"""What the workers of ``unmask train prepare`` open files and find faces with; all of it picklable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmask.realtime.faces.finder import FaceFinder
    from unmask.realtime.faces.registry import FaceFinderSettings
    from unmask.realtime.types import Image
    from unmask.training.prepare.items import MediaKind
    from unmask.training.prepare.media import Media

_SEQUENCE_FPS = 25.0


class VideoMedia:
    """A video file; raises ``SourceError`` where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        from unmask.realtime.sources.video_file import VideoFileSource

        self._source = VideoFileSource(path, path.name)
        duration_s = self._source.open().duration_s
        if duration_s is None:  # some containers do not say: read it once to know
            duration_s = 0.0
            while (frame := self._source.read()) is not None:
                duration_s = frame.time_s
            self._source.close()
            self._source = VideoFileSource(path, path.name)
            self._source.open()
        self.duration_s = duration_s

    @property
    def damaged(self) -> int:
        return self._source.damaged

    def frames_at(self, times_s: Sequence[float]) -> Iterator[tuple[float, Image]]:
        before = None
        for frame in self._source.frames_at(times_s):
            if frame is not before:
                yield frame.time_s, frame.image
                before = frame

    def close(self) -> None:
        self._source.close()


class PictureMedia:
    """A picture, or the pictures of a folder in natural order as frames at 25 per second."""

    damaged = 0

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self.duration_s = len(paths) / _SEQUENCE_FPS if len(paths) > 1 else 0.0

    def frames_at(self, times_s: Sequence[float]) -> Iterator[tuple[float, Image]]:
        from unmask.realtime.sources.images import decode_image

        before = None
        for moment in times_s:
            number = min(int(moment * _SEQUENCE_FPS), len(self._paths) - 1)
            if number != before:
                path = self._paths[number]
                yield number / _SEQUENCE_FPS, decode_image(path, path.name)[0]
                before = number

    def close(self) -> None: ...


def open_media(path: Path, kind: MediaKind) -> Media:
    """Raises ``SourceError`` for what cannot be read."""
    from unmask.realtime.sources.images import is_image, natural_key

    if kind == "video":
        return VideoMedia(path)
    if kind == "image":
        return PictureMedia([path])
    pictures = [entry for entry in path.iterdir() if is_image(entry.name) and not entry.name.startswith(".")]
    return PictureMedia(sorted(pictures, key=lambda entry: natural_key(entry.name)))


def quiet_finder(settings: FaceFinderSettings) -> FaceFinder:
    """A finder of a worker: the command has made one before, and said what there is to say."""
    from unmask.realtime.faces.registry import make_face_finder

    return make_face_finder(settings, lambda _: None)
