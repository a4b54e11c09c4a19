"""Frames that a source's own reader replaced: they reach the counters, once, with their cause."""

from __future__ import annotations

import dataclasses
import threading

from fakes import ScriptedSource, picture

from unmask.realtime.capture import Capture
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.sources.lifecycle import SourceBase
from unmask.realtime.types import Frame


class Skipping(ScriptedSource):
    """Its reader lost two frames before each one that it gives."""

    def read(self):
        frame = super().read()
        return frame and dataclasses.replace(frame, skipped=2)


def test_what_the_reader_replaced_was_captured_and_dropped():
    status, mailbox, taken = SourceStatus("fake"), Mailbox[str, Frame](), []
    capture = Capture(lambda: Skipping([picture()] * 5), status, mailbox, threading.Event())
    thread = threading.Thread(target=capture.run)
    thread.start()
    while (slots := mailbox.take()) is not None:
        taken += slots.values()
    thread.join(5)
    counters = status.view().counters
    assert len(taken) == 5
    assert counters.dropped == {"capture busy": 10}
    assert counters.captured == 15


def test_a_source_that_loses_nothing_names_no_cause():
    status = SourceStatus("fake")
    status.frame_captured(1)
    assert status.view().counters.dropped == {}


def test_a_frame_carries_what_was_lost_before_it():
    class Source(SourceBase):
        def _open(self):
            raise NotImplementedError

        def _grab(self):
            return self._frame(picture(), 1, skipped=3)

        def _free(self):
            pass

    assert Source("fake")._grab().skipped == 3
