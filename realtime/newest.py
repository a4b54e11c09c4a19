"""The newest update of every source, for whoever looks when it suits them."""

from __future__ import annotations

import threading
from typing import Protocol

from unmask.realtime.types import Update


class HandOut(Protocol):
    def __call__(self, update: Update, *, lossless: bool) -> None: ...


class Newest:
    """Keeps each update before it passes it on to ``hand_out``."""

    def __init__(self, hand_out: HandOut) -> None:
        self._hand_out = hand_out
        self._updates: dict[str, Update] = {}
        self._lock = threading.Lock()

    def put(self, update: Update, *, lossless: bool) -> None:
        with self._lock:
            self._updates[update.source_id] = update
        self._hand_out(update, lossless=lossless)

    def updates(self) -> dict[str, Update]:
        """By source id."""
        with self._lock:
            return dict(self._updates)

    def forget(self, source_id: str) -> None:
        with self._lock:
            self._updates.pop(source_id, None)
