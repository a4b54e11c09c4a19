"""The report as one HTML file that needs nothing else: no script, no address, no picture unless asked for."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2

from unmask.realtime.scan.results import FaceFinding, ItemFinding
from unmask.realtime.types import Verdict

# A mark of another shape for each verdict: colour alone would leave some readers out.
_MARKS = {Verdict.SIGNS: "&#9650;", Verdict.NO_SIGNS: "&#9679;", Verdict.CANNOT_JUDGE: "?"}
_WIDTH, _HEIGHT = 720, 90

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --faint: #8888; --signs: #b34a00; --none: #0060a0; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #1a1a1c; --signs: #ff9a56; --none: #6cb8f0; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid var(--faint); vertical-align: top; overflow-wrap: anywhere; }
.signs_of_manipulation { color: var(--signs); font-weight: 600; } .no_signs_found { color: var(--none); }
.cannot_judge { opacity: .75; } .note { border-left: 4px solid var(--faint); padding-left: 1rem; }
th, td.number { white-space: nowrap; }
svg { width: 100%; height: auto; } figure { display: inline-block; margin: .3rem; } figcaption { font-size: .8rem; }
.axis { fill: none; stroke: var(--faint); } .limit { stroke: var(--signs); stroke-dasharray: 6 4; }
.line { fill: none; stroke: var(--none); stroke-width: 2; } text { fill: var(--ink); font-size: 11px; }
.alarm { fill: var(--signs); opacity: .18; }
"""


def render(items: Sequence[ItemFinding], header: Mapping[str, Any]) -> str:
    """The whole page. ``header`` is that of the JSON report: detectors with their limits, and the settings."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'><title>Unmask report</title>",
        f"<style>{_STYLE}</style></head><body><h1>Unmask report</h1>",
        "<p class='note'>A hint, never proof. <b>No signs found</b> does not mean that a video is unaltered, "
        "<b>signs of manipulation</b> does not prove that it is: confirm through another channel.</p>",
        _overview(items),
        *(_item(item) for item in items),
        _settings(header),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _overview(items: Sequence[ItemFinding]) -> str:
    rows = "".join(
        f"<tr><td>{escape(item.path)}</td><td>{_verdict(item.verdict)}{escape(item.why)}</td>"
        f"<td class='number'>{_number(item.score)}</td><td class='number'>{len(item.faces)}</td>"
        f"<td class='number'>{item.frames_analysed}</td></tr>"
        for item in items
    )
    head = "<tr><th>item</th><th>verdict</th><th>score</th><th>faces</th><th>frames analysed</th></tr>"
    return f"<table>{head}{rows}</table>"


def _verdict(verdict: Verdict) -> str:
    return f"<span class='{verdict.value}'>{_MARKS[verdict]} {escape(verdict.words)}</span>"


def _number(score: float | None) -> str:
    return "&ndash;" if score is None else f"{score:.2f}"


def _item(item: ItemFinding) -> str:
    if not item.frames_analysed:
        return f"<h2>{escape(item.path)}</h2><p>{escape(item.error)}</p>"
    length = f"{item.duration_s:.1f} s, " if item.duration_s else ""
    spread = f" in {item.stretches} stretches spread evenly" if item.stretches > 1 else ""
    facts = (
        f"{escape(item.kind)}, {length}{item.frames_analysed} frames analysed{spread}, "
        f"a face in {item.face_share:.0%} of them"
    )
    judged = [face for face in item.faces if face.verdict is not Verdict.CANNOT_JUDGE]
    judged.sort(key=lambda face: -(face.score or 0.0))
    faces = "".join(_face(face, item.duration_s) for face in judged) + _unjudged(item.faces)
    return f"<h2>{escape(item.path)}</h2><p>{_verdict(item.verdict)}{escape(item.why)}</p><p>{facts}.</p>{faces}"


def _unjudged(faces: Sequence[FaceFinding]) -> str:
    """The faces that nothing can be said of, in a table: they are often many, and each seen for a moment."""
    rows = "".join(
        f"<tr><td class='number'>face {face.track}</td>"
        f"<td class='number'>{face.first_s:.1f} s to {face.last_s:.1f} s</td><td class='number'>{face.frames}</td>"
        f"<td>{escape(', '.join(cause.words for cause in face.causes))}</td></tr>"
        for face in faces
        if face.verdict is Verdict.CANNOT_JUDGE
    )
    if not rows:
        return ""
    head = "<tr><th>face</th><th>seen</th><th>frames</th><th>because</th></tr>"
    return f"<h3>{_verdict(Verdict.CANNOT_JUDGE)}</h3><table>{head}{rows}</table>"


def _face(face: FaceFinding, duration_s: float | None) -> str:
    head = (
        f"<h3>Face {face.track}: {_verdict(face.verdict)}</h3>"
        f"<p>Seen from {face.first_s:.1f} s to {face.last_s:.1f} s in {face.frames} analysed frames; "
        f"score {_number(face.score)}.</p>"
    )
    parts = [head]
    for finding in face.detectors:
        if len(face.detectors) > 1:
            parts.append(
                f"<p>{escape(finding.detector)}: {_verdict(finding.verdict)}, score {_number(finding.score)}</p>"
            )
        if len(finding.timeline) > 1:
            spans = [(event.start_s, event.end_s or face.last_s) for event in finding.events]
            parts.append(_chart(finding.timeline, spans, finding.threshold, duration_s or face.last_s))
    for time_s, score, crop in face.crops:
        done, data = cv2.imencode(".jpg", crop)
        assert done
        encoded = base64.b64encode(data.tobytes()).decode("ascii")
        parts.append(
            f"<figure><img width='128' alt='the face at {time_s:.1f} s' src='data:image/jpeg;base64,{encoded}'>"
            f"<figcaption>{time_s:.1f} s, {score:.2f}</figcaption></figure>"
        )
    return "".join(parts)


def _chart(
    timeline: Sequence[tuple[float, float]],
    alarms: Sequence[tuple[float, float]],
    threshold: float,
    length_s: float,
) -> str:
    """Evidence over time as an SVG; gaps of more than a second stay gaps, alarms are shaded."""
    length_s = max(length_s, timeline[-1][0], 1e-3)

    def across(time_s: float) -> float:
        return 30 + (_WIDTH - 40) * time_s / length_s

    def down(level: float) -> float:
        return 8 + (_HEIGHT - 26) * (1 - level)

    shades = "".join(
        f"<rect class='alarm' x='{across(start):.1f}' y='8' width='{max(1.0, across(end) - across(start)):.1f}' "
        f"height='{_HEIGHT - 26}'/>"
        for start, end in alarms
    )
    path, before_s = [], None
    for time_s, level in timeline:
        step = "L" if before_s is not None and time_s - before_s <= 1.0 else "M"
        path.append(f"{step}{across(time_s):.1f} {down(level):.1f}")
        before_s = time_s
    limit = down(threshold)
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='score over time'>{shades}"
        f"<path class='axis' d='M30 8V{_HEIGHT - 18}H{_WIDTH - 10}'/>"
        f"<path class='limit' d='M30 {limit:.1f}H{_WIDTH - 10}'/><path class='line' d='{''.join(path)}'/>"
        f"<text x='2' y='14'>1</text><text x='2' y='{_HEIGHT - 18}'>0</text>"
        f"<text x='30' y='{_HEIGHT - 4}'>0 s</text>"
        f"<text x='{_WIDTH - 10}' y='{_HEIGHT - 4}' text-anchor='end'>{length_s:.1f} s</text>"
        f"<text x='36' y='{limit - 3:.1f}'>alarm from {threshold:.2f}</text></svg>"
    )


def _settings(header: Mapping[str, Any]) -> str:
    parts = ["<h2>How this was made</h2>"]
    for detector in header["detectors"]:
        limits = "".join(f"<li>{escape(limit)}</li>" for limit in detector["limits"])
        kind = "a calibrated probability" if detector["calibrated"] else "a number that is not calibrated"
        parts.append(
            f"<h3>{escape(detector['name'])} {escape(detector['version'])}</h3><p>Its score is {kind}. "
            f"{escape(detector['backing'])}</p><p>Known limits:</p><ul>{limits}</ul>"
        )
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in header["settings"].items()
    )
    return "".join(parts) + f"<table>{rows}</table>"
