"""What every page of the chooser has, and the pages that list what is there: cameras, monitors, windows."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.chooser.looking import Seen
from unmask.gui.chooser.tiles import TileList
from unmask.gui.qt import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget, pyqtSignal
from unmask.gui.theme import outline_indicator
from unmask.realtime.sources.listing import SourceListing
from unmask.realtime.sources.registry import SourceOptions

_LARGEST = 16384
_FASTEST = 240


class Page(QWidget):
    """``changed`` tells that the choice, or what is to be looked at, is another; ``asked`` that the person wants
    the choice watched."""

    changed = pyqtSignal()
    asked = pyqtSignal()

    def choice(self) -> ChosenSource | None:
        """``None`` where nothing that can be watched is chosen; then ``problem`` says why, if it is worth saying."""
        raise NotImplementedError

    @property
    def problem(self) -> str:
        return ""

    def to_look_at(self) -> tuple[Sequence[str], Sequence[str]]:
        """The specs of the desktop, and of cameras, whose pictures are wanted while this page is shown."""
        return (), ()

    def show_rows(self, rows: Sequence[SourceListing]) -> None:
        """What this machine has of every kind."""

    def show_seen(self, news: dict[str, Seen]) -> None: ...


class ListedPage(Page):
    """What is there of one kind, with live pictures."""

    def __init__(self, kind: str, name: str, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self.tiles = TileList(name)
        self.setFocusProxy(self.tiles)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        if note:
            self.column.addWidget(wrapped(note))
        self.column.addWidget(self.tiles, 1)
        self.tiles.currentItemChanged.connect(lambda *_: self.changed.emit())
        self.tiles.itemActivated.connect(lambda *_: self.asked.emit())

    def choice(self) -> ChosenSource | None:
        return ChosenSource(self.tiles.current) if self.tiles.current else None

    @property
    def problem(self) -> str:
        return self.tiles.problem if self.tiles.count() else ""

    def to_look_at(self) -> tuple[Sequence[str], Sequence[str]]:
        return self.tiles.specs, ()

    def show_rows(self, rows: Sequence[SourceListing]) -> None:
        self.tiles.show_rows([row for row in rows if row.kind == self._kind], self.waiting())

    def show_seen(self, news: dict[str, Seen]) -> None:
        self.tiles.show_seen(news)

    def waiting(self) -> str:
        """What stands in the place of a picture that has not come yet."""
        return self.tr("Looking …")


class WindowPage(ListedPage):
    def choice(self) -> ChosenSource | None:
        """A window's id is gone with the window; its title is what it is remembered by."""
        spec = self.tiles.current
        return ChosenSource(spec, kept_as=f"window:{self.tiles.name}") if spec else None


class CameraPage(ListedPage):
    """Opening a camera lights its lamp, so its picture is shown only when that was asked for."""

    def __init__(self, kind: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(kind, name, parent=parent)
        self.show_pictures = QCheckBox(self.tr("Show camera &pictures"))
        outline_indicator(self.show_pictures)
        note = self.tr("Opens every camera of the list while this page is shown: their lamps light.")
        self.show_pictures.setToolTip(note)
        self.show_pictures.setAccessibleDescription(note)
        self.show_pictures.toggled.connect(self._toggled)
        above = QHBoxLayout()
        above.addWidget(self.show_pictures)
        above.addWidget(wrapped(note), 1)
        self.column.insertLayout(0, above)
        self.width_box = self._box(self.tr("Width"), _LARGEST)
        self.height_box = self._box(self.tr("Height"), _LARGEST)
        self.fps_box = self._box(self.tr("Frames per second"), _FASTEST)
        wishes = QHBoxLayout()
        labelled = (
            (self.tr("W&idth"), self.width_box),
            (self.tr("&Height"), self.height_box),
            (self.tr("F&rames per second"), self.fps_box),
        )
        for words, box in labelled:
            label = QLabel(words)
            label.setBuddy(box)
            wishes.addWidget(label)
            wishes.addWidget(box)
        wishes.addStretch(1)
        self.column.addLayout(wishes)

    def choice(self) -> ChosenSource | None:
        if not self.tiles.current:
            return None
        width, height, fps = self.width_box.value(), self.height_box.value(), self.fps_box.value()
        return ChosenSource(self.tiles.current, SourceOptions(width or None, height or None, float(fps) or None))

    def to_look_at(self) -> tuple[Sequence[str], Sequence[str]]:
        return (), self.tiles.specs if self.show_pictures.isChecked() else ()

    def hideEvent(self, a0: object) -> None:
        """The cameras are closed now: an old picture would look like a live one."""
        self.tiles.forget_seen(self.waiting())

    def waiting(self) -> str:
        return super().waiting() if self.show_pictures.isChecked() else self.tr("The camera is off")

    def _toggled(self) -> None:
        self.tiles.forget_seen(self.waiting())
        self.changed.emit()

    def _box(self, name: str, most: int) -> QSpinBox:
        box = QSpinBox()
        box.setRange(0, most)
        box.setSpecialValueText(self.tr("as it is"))
        box.setAccessibleName(name)
        box.setAccessibleDescription(self.tr("What the camera is asked for; 0 leaves it to the camera."))
        return box


def wrapped(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    return label
