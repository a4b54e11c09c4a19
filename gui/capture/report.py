"""What was found so far, as plain text for somebody else. No Qt in here but the translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from unmask.gui.i18n import tr
from unmask.gui.spoken import because, state_name, verdict_name
from unmask.gui.wording import HINT, alarm_words, event_span, face_lines
from unmask.realtime.types import Update, Verdict


def report_text(updates: Mapping[str, Update], header: Sequence[str], now: datetime) -> str:
    """Sources with verdicts and alarms, what judged them, what backs its threshold, and the hint; line by line."""
    lines = [tr("Unmask, {time}").format(time=f"{now:%Y-%m-%d %H:%M:%S}"), ""]
    for source_id, update in updates.items():
        lines += [*_source_lines(source_id, update), ""]
    if not updates:
        lines += [tr("Nothing is watched."), ""]
    engines = sorted({update.engine for update in updates.values() if update.engine})
    lines += header
    if engines:
        lines.append(tr("Engine really in use: {engines}").format(engines=", ".join(engines)))
    return "\n".join([*lines, tr(HINT), ""])


def _source_lines(source_id: str, update: Update) -> list[str]:
    reason = because(update.causes) if update.verdict is Verdict.CANNOT_JUDGE else ""
    state = state_name(update.state).rstrip(" …").lower()
    lines = [f"{source_id} ({state}): {verdict_name(update.verdict)}{reason}"]
    if update.message:
        lines.append(f"  {update.message}")
    for face in update.faces:
        lines.append("  " + tr("face {lines}").format(lines=", ".join(face_lines(face))))
    lines.append(f"  {alarm_words(update)}")
    for event in update.events:
        where = tr("  face {face}: {span}, highest score {score}")
        lines.append(where.format(face=event.track_id, span=event_span(event), score=f"{event.peak_score:.2f}"))
    return lines
