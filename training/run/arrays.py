"""Windows from the npz files of ``unmask train prepare --npz``: ``frames`` (10, 3, 224, 224), ``label``, ``times_s``.

People, splits and manipulations still come from the index beside them: an array alone does not say whom it shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.index import PreparedCrop

FOLDER = "npz"
_SIGN = "#"  # between the video and the number of the frame in a key


class Arrays:
    """The arrays of ``folder`` whose videos the index ``crops`` names. Raises ``DataError`` where there are none.

    ``videos`` have an array, ``without`` of the index have none (too few frames with a face); ``length`` is the
    number of frames, the same in all.
    """

    def __init__(self, folder: Path, crops: Sequence[PreparedCrop]) -> None:
        self.folder = folder / FOLDER
        self._fake = {crop.video: crop.record.fake for crop in crops}
        self.videos = frozenset(video for video in self._fake if self._path(video).is_file())
        self.without = len(self._fake) - len(self.videos)
        if not self.videos:
            raise DataError(
                f"There is no array of an indexed video in {self.folder}: prepare the data with --npz, or leave out "
                "input.arrays."
            )
        self.length = len(self._frames(min(self.videos)))

    def keys(self, video: str, frames: int) -> tuple[str, ...]:
        """Names for up to ``frames`` frames spread evenly over a video's array, in the order of time."""
        count = min(frames, self.length)
        places = [int((place + 0.5) * self.length / count) for place in range(count)]
        return tuple(f"{video}{_SIGN}{place:03d}" for place in places)

    def pictures(self, keys: Collection[str]) -> Iterator[tuple[str, Image]]:
        """``(key, BGR uint8 (H, W, 3))`` of every one of ``keys``; a file is read once."""
        wanted: dict[str, list[int]] = {}
        for key in keys:
            video, _, place = key.rpartition(_SIGN)
            wanted.setdefault(video, []).append(int(place))
        for video in sorted(wanted):
            frames = self._frames(video)
            if len(frames) != self.length:
                raise DataError(f"{self._path(video)} holds {len(frames)} frames, the others {self.length}.")
            for place in sorted(wanted[video]):
                yield f"{video}{_SIGN}{place:03d}", np.ascontiguousarray(frames[place].transpose(1, 2, 0)[..., ::-1])

    def _path(self, video: str) -> Path:
        return self.folder / f"{video}.npz"

    def _frames(self, video: str) -> NDArray[np.uint8]:
        """uint8 (frames, 3, H, W), also of arrays that were scaled to 0..1."""
        path = self._path(video)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                frames, label = arrays["frames"], int(arrays["label"])
        except Exception as error:  # zipfile, zlib and NumPy raise what they please on a damaged file
            raise DataError(
                f"{path} is no array of a video ({type(error).__name__}): prepare the data again."
            ) from error
        if frames.ndim != 4 or frames.shape[1] != 3 or not len(frames) or frames.dtype not in (np.uint8, np.float32):
            raise DataError(f"{path} holds frames {frames.shape} {frames.dtype}, not (frames, 3, H, W) of a video.")
        if bool(label) != self._fake[video]:
            raise DataError(f"{path} and the index disagree on whether it is fake: prepare the data again.")
        if frames.dtype == np.float32:
            frames = np.clip(np.rint(frames * 255), 0, 255).astype(np.uint8)
        return frames
