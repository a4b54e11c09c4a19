"""A list of sources with a small picture each. What cannot be watched is there too, greyed, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.chooser.looking import Seen
from unmask.gui.i18n import tr
from unmask.gui.picture import image_over
from unmask.gui.qt import (
    QFont,
    QIcon,
    QListWidget,
    QListWidgetItem,
    QPainter,
    QPalette,
    QPixmap,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    QWidget,
)
from unmask.gui.theme import disabled_words
from unmask.gui.verdict_line import plain_tip
from unmask.realtime.sources.listing import SourceListing

_PICTURE = QSize(208, 117)
_PAD = 6
_LINES = 2
_SPEC = Qt.ItemDataRole.UserRole
_NAME = Qt.ItemDataRole.UserRole + 1
_WHY = Qt.ItemDataRole.UserRole + 2
_NOTE = Qt.ItemDataRole.UserRole + 3


class TileList(QListWidget):
    """``currentItemChanged`` and ``itemActivated`` (Enter, double click) tell what a person does."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIconSize(_PICTURE + QSize(2 * _PAD, 2 * _PAD))
        self.setGridSize(QSize(_PICTURE.width() + 28, _PICTURE.height() + 28 + _LINES * self.fontMetrics().height()))
        self.seen: dict[str, Seen] = {}
        self._empty = ""

    def show_rows(self, rows: Sequence[SourceListing], waiting: str) -> None:
        """Have these, what can be watched first, and keep the current one. ``waiting`` stands where a picture will
        be; "" where none is looked for."""
        before = self.current
        self.clear()
        for row in sorted(rows, key=lambda row: not row.available):
            item = QListWidgetItem(_capital(row.description))
            item.setData(_SPEC, row.spec)
            item.setData(_NAME, _capital(row.description))
            item.setData(_WHY, "" if row.available else row.reason)
            item.setToolTip(plain_tip(row.reason or row.description))
            if not row.available:
                item.setForeground(disabled_words(self.palette()))
            self.addItem(item)
            self._dress(item, None, waiting if row.available else row.reason)
            if row.spec == before:
                self.setCurrentItem(item)
        if self.currentItem() is None and self.count():
            self.setCurrentRow(0)
        self.seen = {spec: seen for spec, seen in self.seen.items() if spec in self.specs}
        self.show_seen(self.seen)

    def show_seen(self, news: dict[str, Seen]) -> None:
        """Bring the pictures up to date."""
        for number in range(self.count()):
            item = self.item(number)
            if item is not None and (seen := news.get(str(item.data(_SPEC)))) is not None and not item.data(_WHY):
                self.seen[str(item.data(_SPEC))] = seen
                self._dress(item, seen, seen.problem)

    def forget_seen(self, words: str) -> None:
        """Take the pictures away; ``words`` stand in their place."""
        self.seen.clear()
        for number in range(self.count()):
            item = self.item(number)
            if item is not None and not item.data(_WHY):
                self._dress(item, None, words)

    @property
    def specs(self) -> list[str]:
        """What can be watched, in the order of the list."""
        items = [self.item(number) for number in range(self.count())]
        return [str(item.data(_SPEC)) for item in items if item is not None and not item.data(_WHY)]

    @property
    def current(self) -> str:
        """The spec that is chosen; "" where there is none, or it cannot be watched."""
        item = self.currentItem()
        return str(item.data(_SPEC)) if item is not None and not item.data(_WHY) else ""

    @property
    def name(self) -> str:
        item = self.currentItem()
        return str(item.data(_NAME)) if item is not None else ""

    @property
    def problem(self) -> str:
        """Why the current one cannot be watched; "" where it can."""
        item = self.currentItem()
        return str(item.data(_WHY)) if item is not None else tr("Nothing is chosen.")

    def _dress(self, item: QListWidgetItem, seen: Seen | None, words: str) -> None:
        pixmap = self._thumbnail(seen, words)
        icon = QIcon(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # Qt would tint the picture of what is selected
        item.setIcon(icon)
        if words != item.data(_NOTE):
            item.setData(_NOTE, words)
            name = str(item.data(_NAME))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {words}" if words else name)

    def _thumbnail(self, seen: Seen | None, words: str) -> QPixmap:
        """All of one size, so that nothing moves when a picture comes."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.iconSize() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        here = QRectF(_PAD, _PAD, _PICTURE.width(), _PICTURE.height())
        if seen is not None and seen.image is not None:
            height, width = seen.image.shape[:2]
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            size = QSizeF(width, height).scaled(here.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(here.center())
            painter.drawImage(place, image_over(seen.image))
            painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
            painter.drawRect(place)
        elif words:
            painter.fillRect(here, self.palette().color(QPalette.ColorRole.Window))
            small = QFont(self.font())
            small.setPointSizeF(self.font().pointSizeF() * 0.9)
            painter.setFont(small)
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(here.adjusted(8, 4, -8, -4), int(flags), words)
        painter.end()
        return pixmap


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
