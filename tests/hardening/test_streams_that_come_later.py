"""A file or broadcast in which a stream comes up after it was opened: PyAV raises IndexError at each of its packets.
Found by fuzzing a transport stream; broadcasts add their sound that way."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from unmask.engines.errors import SourceError
from unmask.realtime.sources import decoding
from unmask.realtime.sources.decoding import frames_of

OURS = SimpleNamespace()


class Container:
    """Gives frame n for each number, and stumbles at each ``None`` as PyAV does."""

    def __init__(self, packets: list[int | None]) -> None:
        self._packets = iter(packets)

    def demux(self) -> Iterator[SimpleNamespace]:
        for number in self._packets:
            if number is None:
                raise IndexError("list index out of range")
            frame = SimpleNamespace(is_corrupt=False, number=number)
            yield SimpleNamespace(stream=OURS, decode=lambda frame=frame: [frame])


def test_packets_of_a_stream_that_came_later_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_MOST_STRANGERS", 3)
    packets = [0, None, 1, None, None, 2, None, None, 3]
    assert [frame.number for frame in frames_of(Container(packets), OURS, [0])] == [0, 1, 2, 3]


def test_nothing_but_such_packets_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_MOST_STRANGERS", 3)
    with pytest.raises(SourceError, match="did not declare"):
        list(frames_of(Container([0, *[None] * 50]), OURS, [0]))
