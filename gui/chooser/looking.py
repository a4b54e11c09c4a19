"""Looking at sources beside the window: one thread for the desktop, one for each camera that is looked at.

A camera may hang in its driver for seconds. It has a thread of its own so that only its own thumbnail waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unmask.engines.errors import UnmaskError
from unmask.gui.chooser.eyes import Eye, SourceEye
from unmask.gui.i18n import tr
from unmask.realtime.types import Image

_DESKTOP_EVERY_S = 0.5
_CAMERA_EVERY_S = 0.2
# A camera that is busy is not asked again at once: opening it takes its time.
_CAMERA_AGAIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A small picture (see ``Eye.look``), or one sentence why there is none."""

    image: Image | None
    problem: str = ""


class Looker:
    """Call everything on one thread. What was seen is fetched with ``news``: nothing is signalled.

    ``close`` returns at once; ``over`` tells that every source is closed and every thread has ended.
    """

    def __init__(self, open_eye: Callable[[str], Eye] = SourceEye, *, every_s: float = _DESKTOP_EVERY_S) -> None:
        self._open_eye = open_eye
        self._lock = threading.Lock()
        self._news: dict[str, Seen] = {}
        self._wanted: frozenset[str] = frozenset()
        self._desktop = _Gaze("desktop", open_eye, self._tell, every_s, every_s)
        self._cameras: dict[str, _Gaze] = {}
        self._ending: list[_Gaze] = []
        self._closed = False

    def look_at(self, desktop: Sequence[str], cameras: Sequence[str] = ()) -> None:
        """Look at these and at nothing else from now on; cameras that are not among them are closed."""
        if self._closed:
            return
        with self._lock:
            self._wanted = frozenset((*desktop, *cameras))
            self._news = {spec: seen for spec, seen in self._news.items() if spec in self._wanted}
        self._desktop.want(desktop)
        for spec in [spec for spec in self._cameras if spec not in cameras]:
            self._end(self._cameras.pop(spec))
        for spec in cameras:
            if spec not in self._cameras:
                # The one before it has to let go of the camera first.
                before = [gaze for gaze in self._ending if gaze.name == spec]
                gaze = _Gaze(spec, self._open_eye, self._tell, _CAMERA_EVERY_S, _CAMERA_AGAIN_S, before)
                self._cameras[spec] = gaze
                gaze.want([spec])

    def news(self) -> dict[str, Seen]:
        """What was seen since the last call, the newest of each."""
        with self._lock:
            news, self._news = self._news, {}
        return news

    def close(self) -> None:
        self.look_at(())
        self._closed = True
        self._end(self._desktop)

    @property
    def over(self) -> bool:
        return self._closed and not any(gaze.alive for gaze in self._ending)

    def _end(self, gaze: _Gaze) -> None:
        gaze.stop()
        self._ending = [other for other in self._ending if other.alive] + [gaze]

    def _tell(self, spec: str, seen: Seen) -> None:
        with self._lock:
            if spec in self._wanted:
                self._news[spec] = seen


class _Gaze:
    """A thread that looks at some sources in turn, over and over. It opens and closes them itself."""

    def __init__(
        self,
        name: str,
        open_eye: Callable[[str], Eye],
        tell: Callable[[str, Seen], None],
        every_s: float,
        again_s: float,
        after: Sequence[_Gaze] = (),
    ) -> None:
        self.name = name
        self._open_eye, self._tell = open_eye, tell
        self._every_s, self._again_s = every_s, again_s
        self._after = after
        self._specs: tuple[str, ...] = ()
        self._eyes: dict[str, Eye] = {}
        self._stopped, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"unmask-look {name}", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def want(self, specs: Sequence[str]) -> None:
        if tuple(specs) != self._specs:
            self._specs = tuple(specs)
            self._woken.set()
        if self._specs and self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Return at once. A look that waits for its camera is ended by closing it, which may itself take a moment."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            threading.Thread(target=self._close_eyes, name=f"unmask-close {self.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            for gaze in self._after:
                gaze.wait_for_end(self._stopped)
            while not self._stopped.is_set():
                self._woken.clear()
                self._woken.wait(self._every_s if self._round(self._specs) else self._again_s)
        finally:
            self._close_eyes()

    def wait_for_end(self, stopped: threading.Event) -> None:
        while self._thread.is_alive() and not stopped.wait(0.02):
            pass

    def _round(self, specs: tuple[str, ...]) -> bool:
        """Look at each; whether all could be seen. It is broken off when others are wanted."""
        for spec in [spec for spec in self._eyes if spec not in specs]:
            self._eyes.pop(spec).close()
        well = True
        for spec in specs:
            if self._woken.is_set():
                break
            seen = self._look(spec)
            well = well and not seen.problem
            self._tell(spec, seen)
        return well

    def _look(self, spec: str) -> Seen:
        try:
            if spec not in self._eyes:
                self._eyes[spec] = self._open_eye(spec)
            return Seen(self._eyes[spec].look())
        except (UnmaskError, OSError) as error:
            return Seen(None, str(error))
        except Exception as error:  # noqa: BLE001 - a bug, which is told and does not end the program
            return Seen(None, tr("{error} (a bug of Unmask; please report it)").format(error=repr(error)))

    def _close_eyes(self) -> None:
        for eye in list(self._eyes.values()):
            eye.close()
