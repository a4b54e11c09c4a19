"""A snapshot: the picture with its verdict drawn in, and below it, in words, what it is and what it is not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.gui.i18n import tr
from unmask.gui.picture import image_over
from unmask.gui.qt import QBuffer, QColor, QFont, QImage, QIODevice, QPainter, QRectF, Qt
from unmask.gui.spoken import because, verdict_name
from unmask.gui.wording import HINT
from unmask.realtime.annotate import annotate
from unmask.realtime.types import Update, Verdict
from unmask.realtime.writing import write_whole

_GROUND, _INK = QColor(18, 18, 18), QColor(255, 255, 255)


def snapshot_words(update: Update, now: datetime) -> str:
    reason = because(update.causes) if update.verdict is Verdict.CANNOT_JUDGE else ""
    return f"Unmask, {now:%Y-%m-%d %H:%M:%S}, {update.source_id}: {verdict_name(update.verdict)}{reason}. {tr(HINT)}"


def snapshot_image(update: Update, now: datetime) -> QImage:
    """The annotated frame of ``update`` over a band with ``snapshot_words``, which are in the image's text too.

    May be called on any thread. Raises ``UsageError`` where there is no picture.
    """
    picture = annotate(update)
    if picture is None:
        raise UsageError(tr("There is no picture to save yet: wait until one is shown."))
    words, frame = snapshot_words(update, now), image_over(picture)
    size = max(12, frame.width() // 60)
    font = QFont()
    font.setPixelSize(size)
    room = QRectF(size, 0, max(1, frame.width() - 2 * size), 100 * size)
    flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft
    measure = QPainter(frame)
    measure.setFont(font)
    band = round(measure.boundingRect(room, flags, words).height()) + size
    measure.end()
    made = QImage(frame.width(), frame.height() + band, QImage.Format.Format_RGB888)
    made.fill(_GROUND)
    painter = QPainter(made)
    painter.drawImage(0, 0, frame)
    painter.setFont(font)
    painter.setPen(_INK)
    painter.drawText(room.translated(0, frame.height() + size / 2), flags, words)
    painter.end()
    made.setText("Description", words)
    return made


def save_snapshot(update: Update, path: Path, now: datetime) -> None:
    """Write it as PNG, all at once; they asked for it to show it: it gets the rights of their umask.

    Raises ``UsageError`` where that cannot be done.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    snapshot_image(update, now).save(buffer, "PNG")
    try:
        write_whole(path, buffer.data().data())
    except UsageError:
        raise UsageError(
            tr("{path} cannot be written: choose a folder you own, with room on its disk.").format(path=path)
        ) from None


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """A name in ``folder`` that no file has."""
    number, path = 1, folder / f"{stem}{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
