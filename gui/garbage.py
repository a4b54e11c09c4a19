"""Python's garbage is collected on the UI thread alone.

Python looks for it in whichever thread happens to make an object. A widget or a timer that was part of a cycle would
then be deleted by a thread that it does not belong to, which crashes Qt now and then; and a look at everything that
the libraries brought, in the midst of a frame, holds every thread up for a tenth of a second.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from unmask.gui.qt import QTimer

#: Young objects are looked at so often: the less there is to look at, the sooner it is done.
_LOOK_EVERY_MS = 250
#: Those that lived through some of these looks in every so-manieth of them, and all.
_OLDER_EVERY, _ALL_EVERY = 8, 120


@contextmanager
def collected_here() -> Iterator[None]:
    """Inside, only a timer of this thread's event loop collects. What was there before is not looked at again.

    Nothing happens inside another one, or where somebody switched the collector off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    gc.collect()
    gc.freeze()
    timer, looks = QTimer(), 0

    def look() -> None:
        nonlocal looks
        looks += 1
        gc.collect(generation(looks))

    timer.timeout.connect(look)
    timer.start(_LOOK_EVERY_MS)
    try:
        yield
    finally:
        timer.stop()
        gc.collect()
        gc.unfreeze()
        gc.enable()


def generation(look: int) -> int:
    """Which objects are looked at in the look of that number: 0 only the youngest, 2 all."""
    if look % _ALL_EVERY == 0:
        return 2
    return 1 if look % _OLDER_EVERY == 0 else 0
