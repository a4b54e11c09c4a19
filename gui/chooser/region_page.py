"""The page for a part of the screen: drawn over the desktop, or typed in numbers, with a live picture of it."""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.chooser.looking import Seen
from unmask.gui.chooser.page import Page, wrapped
from unmask.gui.chooser.region import SMALLEST, spec_of
from unmask.gui.chooser.tiles import TileList
from unmask.gui.qt import QGridLayout, QLabel, QPushButton, QSpinBox, Qt, QVBoxLayout, QWidget, pyqtSignal
from unmask.realtime.sources.listing import SourceListing
from unmask.realtime.sources.screen import Region

_FARTHEST = 32767


class RegionPage(Page):
    """``draw_asked``: the person wants to draw it."""

    draw_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._why = ""
        self.draw_button = QPushButton(self.tr("&Draw a region …"))
        self.draw_button.setAccessibleDescription(self.tr("Over the desktop, by mouse or by keyboard"))
        self.draw_button.clicked.connect(self.draw_asked.emit)
        self.setFocusProxy(self.draw_button)
        self.boxes = {
            "left": self._box(self.tr("Left"), -_FARTHEST),
            "top": self._box(self.tr("Top"), -_FARTHEST),
            "width": self._box(self.tr("Width"), 0),
            "height": self._box(self.tr("Height"), 0),
        }
        self.preview = TileList(self.tr("What is there now"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(wrapped(self.tr("A part of the screen that stays where it is. It may span several monitors.")))
        column.addWidget(self.draw_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(self._numbers())
        column.addWidget(wrapped(self.tr("What is there now, with what covers it (this dialog too):")))
        column.addWidget(self.preview, 1)

    @property
    def region(self) -> Region | None:
        """As it stands in the numbers; ``None`` while there is none."""
        left, top, width, height = (box.value() for box in self.boxes.values())
        return Region(left, top, width, height) if width and height else None

    def set_region(self, region: Region) -> None:
        numbers = (region.left, region.top, region.width, region.height)
        for box, number in zip(self.boxes.values(), numbers, strict=True):
            box.blockSignals(True)
            box.setValue(number)
            box.blockSignals(False)
        self._edited()

    def choice(self) -> ChosenSource | None:
        region = self.region
        return ChosenSource(spec_of(region)) if region is not None and not self.problem else None

    @property
    def problem(self) -> str:
        if self._why:
            return self._why
        region = self.region
        if region is not None and min(region.width, region.height) < SMALLEST:
            return self.tr("A region has at least {smallest} × {smallest} pixels; make it larger.").format(
                smallest=SMALLEST
            )
        return ""

    def to_look_at(self) -> tuple[Sequence[str], Sequence[str]]:
        return self.preview.specs, ()

    def show_rows(self, rows: Sequence[SourceListing]) -> None:
        # Where a screen can only be had through the desktop's portal, a part of it cannot.
        screens = [row for row in rows if row.kind == "screen"]
        self._why = next((row.reason for row in screens if row.reason), "")
        self.draw_button.setEnabled(not self._why)
        self._edited()

    def show_seen(self, news: dict[str, Seen]) -> None:
        self.preview.show_seen(news)

    def _edited(self) -> None:
        chosen = self.choice()
        region = self.region
        rows = []
        if chosen is not None and region is not None:
            words = self.tr("{width} × {height} pixels").format(width=region.width, height=region.height)
            rows.append(SourceListing(chosen.spec, "region", words))
        self.preview.show_rows(rows, self.tr("Looking …"))
        self.preview.setEnabled(bool(rows))
        self.changed.emit()

    def _numbers(self) -> QGridLayout:
        grid = QGridLayout()
        words = (self.tr("&Left"), self.tr("&Top"), self.tr("W&idth"), self.tr("&Height"))
        for number, (text, box) in enumerate(zip(words, self.boxes.values(), strict=True)):
            label = QLabel(text)
            label.setBuddy(box)
            grid.addWidget(label, 0, 2 * number)
            grid.addWidget(box, 0, 2 * number + 1)
        grid.setColumnStretch(8, 1)
        return grid

    def _box(self, name: str, least: int) -> QSpinBox:
        box = QSpinBox()
        box.setRange(least, _FARTHEST)
        box.setSuffix(self.tr(" px"))
        box.setAccessibleName(name)
        box.setAccessibleDescription(self.tr("In the pixels of the screen"))
        box.valueChanged.connect(self._edited)
        return box
