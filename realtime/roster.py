"""The sources of a session by their names, and what failed of them, also of those that have left."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.engines.errors import UsageError
from unmask.realtime.channel import Channel
from unmask.realtime.types import SourceState


class Roster:
    """Changed by one thread, read by any: ``channels`` is replaced as a whole."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self._past_failures: list[str] = []

    def require_free(self, source_id: str, *, besides: str = "") -> None:
        """Raise ``UsageError`` where a source of that name is watched already; one called ``besides`` is to go."""
        if source_id in {channel.source_id for channel in self.channels} - {besides}:
            raise UsageError(f"The source {source_id} is watched already: remove it first, or name this another.")

    def named(self, source_id: str | None) -> list[Channel]:
        """The source of that name, all of them for ``None``. Raises ``UsageError`` where there is none."""
        named = [channel for channel in self.channels if source_id in (None, channel.source_id)]
        if not named and source_id is not None:
            raise UsageError(f"No source {source_id} is watched: there are {[c.source_id for c in self.channels]}.")
        return named

    def add(self, channel: Channel) -> None:
        self.channels = [*self.channels, channel]

    def drop(self, channel: Channel) -> None:
        self.channels = [other for other in self.channels if other is not channel]

    def remember(self, channel: Channel) -> None:
        """Keep what failed of a source that has left."""
        self._past_failures += [line for line in _failures_of([channel]) if line not in self._past_failures]

    @property
    def failures(self) -> list[str]:
        """One sentence for every source that failed."""
        return list(dict.fromkeys(self._past_failures + _failures_of(self.channels)))

    @property
    def tracebacks(self) -> list[str]:
        return list(dict.fromkeys(channel.status.failure for channel in self.channels if channel.status.failure))


def _failures_of(channels: Sequence[Channel]) -> list[str]:
    views = [channel.status.view() for channel in channels]
    return list(dict.fromkeys(view.message for view in views if view.state is SourceState.FAILED))
