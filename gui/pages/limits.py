"""What Unmask can say and what it cannot, in plain words, with the shipped detector's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from unmask.gui.i18n import tr
from unmask.gui.qt import QTextBrowser, QWidget
from unmask.gui.services import DetectorEntry

#: Figures about the alarms themselves; the rest needs a reader who knows the terms.
_ALARM_WORDS = ("threshold", "alarm")


class TextPage(QTextBrowser):
    """Text that can be scrolled and marked with the keyboard, and read aloud; it loads nothing from anywhere."""

    def __init__(self, name: str, html: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setOpenLinks(False)
        self.setFrameShape(QTextBrowser.Shape.NoFrame)
        document = self.document()
        if document is not None:
            document.setDocumentMargin(10)
        self.setHtml(html)


def limits_html(entries: Sequence[DetectorEntry], problem: str = "", *, everything: bool = False) -> str:
    """The whole text. ``entries`` are the detectors whose figures are told: only about alarms, or ``everything``.
    ``problem`` stands in their place where they could not be read."""
    parts = [
        _heading(tr("What it says")),
        _items(
            [
                tr("“Signs of manipulation”: the face moves or looks as faces do that a program painted."),
                tr("“No signs found”: nothing of that was seen. It does not say that the person is who they seem."),
                tr("“Cannot judge”, and why: too small, too dark, turned away, too short, and so on."),
            ]
        ),
        _heading(tr("What it cannot say")),
        _items(
            [
                tr("Who somebody is, or whether what they say is true."),
                tr("Anything about a voice: it looks at faces alone."),
                tr("Anything for certain. It is a hint, never proof: confirm through another channel."),
            ]
        ),
        _heading(tr("It errs both ways")),
        _paragraph(
            tr(
                "It raises false alarms: bad light, strong compression or a beauty filter can look like manipulation. "
                "It misses manipulation, most of all kinds that it was not trained on."
            )
        ),
    ]
    if problem:
        parts.append(_paragraph(tr("The figures cannot be shown: {why}").format(why=problem)))
    for entry in entries:
        parts.append(_figures(entry, everything))
    parts += [
        _heading(tr("Other people")),
        _paragraph(
            tr(
                "To watch, analyse or record people may need their consent, and in some places the law demands it. "
                "Ask before you record a call. Do not accuse anybody because of a verdict of this program."
            )
        ),
        _heading(tr("Your data")),
        _paragraph(
            tr(
                "Everything happens on this machine. No picture is kept unless you ask for it. Help and settings are "
                "in the menu; under Privacy you see what is kept and can delete it."
            )
        ),
    ]
    return "".join(parts)


def _figures(entry: DetectorEntry, everything: bool) -> str:
    about_alarms = [line for line in entry.measured if any(word in line.lower() for word in _ALARM_WORDS)]
    lines = list(entry.measured) if everything or not about_alarms else about_alarms
    parts = [_heading(tr("Measured on {name} {version}").format(name=entry.name, version=entry.version))]
    parts.append(_items(lines) if lines else _paragraph(tr("Its package states no figures: nothing is known of it.")))
    if lines:
        parts.append(
            _paragraph(
                tr(
                    "TPR is the share of manipulated faces that it noticed, FPR the share of genuine ones that it took "
                    "for manipulated; in brackets, where the true share lies with 95 % certainty."
                )
            )
        )
    if entry.limits:
        parts += [_paragraph(tr("Known limits, as its makers state them:")), _items(entry.limits)]
    if everything and entry.licence:
        parts.append(_paragraph(tr("Licence of the weights: {licence}").format(licence=entry.licence)))
    return "".join(parts)


def _heading(words: str) -> str:
    return f"<h3>{escape(words)}</h3>"


def _paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
