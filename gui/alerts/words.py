"""What an alert says: what, where, when, and what to do now."""

from __future__ import annotations

from unmask.gui.alerts.alerter import Alert
from unmask.gui.i18n import tr


def title(alert: Alert) -> str:
    """What: the same words as the verdict's."""
    return tr("Signs of manipulation")


def where_and_when(alert: Alert) -> str:
    """``Face 2 in camera:0, 14:03:11, score 0.93``."""
    peak = alert.event.peak_score
    score = f"{peak:.0%}" if alert.calibrated else tr("score {score}").format(score=f"{peak:.2f}")
    return tr("Face {number} in {source}, {time}, {score}").format(
        number=alert.event.track_id, source=alert.source_id, time=f"{alert.at:%H:%M:%S}", score=score
    )


def advice() -> str:
    """What to do: something that can be done at once."""
    return tr(
        "A hint, never proof: confirm through another channel. Call back on a number that you already know, "
        "or ask something that only they can know."
    )


def spoken(alert: Alert) -> str:
    """All of it in one breath, for screen readers and notifications."""
    return f"{title(alert)}. {where_and_when(alert)}. {advice()}"
