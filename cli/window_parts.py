"""What belongs to every window: the person's settings, how it looks, and its features in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmask.gui.features import Feature
    from unmask.gui.settings.preferences import Preferences
    from unmask.realtime.sinks.ring import FrameRing


class WindowParts:
    """Made once, before the session, whose sink the ``ring`` is, and before any window. Needs a display.

    ``problems`` is what was wrong with the settings, a sentence each.
    """

    def __init__(self) -> None:
        from unmask.gui.qt import application
        from unmask.gui.settings.appearance import Appearance
        from unmask.gui.settings.preferences import Preferences
        from unmask.realtime.sinks.ring import FrameRing

        app = application()
        self.preferences = Preferences()
        self._appearance = Appearance(app, self.preferences)
        self.ring = FrameRing(float(str(self.preferences.value("privacy/ring_s"))))
        self.problems = [line for line in (self.preferences.problem, self._appearance.problem) if line]

    def features(self) -> Sequence[Feature]:
        """Fresh ones, for one window."""
        return _features(self.preferences, self.ring)


def _features(preferences: Preferences, ring: FrameRing) -> Sequence[Feature]:
    from unmask.gui.alerts.feature import AlertFeature
    from unmask.gui.capture.feature import CaptureFeature
    from unmask.gui.history.feature import HistoryFeature
    from unmask.gui.layers.feature import LayersFeature
    from unmask.gui.overlay.feature import OverlayFeature
    from unmask.gui.pages.feature import PagesFeature
    from unmask.gui.pages.kept import KeptHistory, KeptPictures, KeptRing, KeptSettings, KeptSources
    from unmask.gui.scanning.feature import ScanFeature
    from unmask.gui.timeline.feature import TimelineFeature
    from unmask.realtime.history.opening import history_file

    timeline, scans = TimelineFeature(ring), ScanFeature()
    kept = [
        KeptRing(ring),
        KeptHistory(history_file(), preferences),
        KeptPictures(history_file(), preferences),
        KeptSources(preferences),
        KeptSettings(preferences),
    ]
    return [
        timeline,
        LayersFeature(),
        AlertFeature(timeline.open_event),
        scans,
        HistoryFeature(scan=scans.scan),
        CaptureFeature(),
        OverlayFeature(),
        PagesFeature(preferences, kept),
    ]
