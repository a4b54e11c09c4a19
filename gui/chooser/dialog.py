"""The dialog in which a person chooses what to watch, and the one call that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from unmask.gui.background import Worker
from unmask.gui.chooser.chosen import ChosenSource, remember
from unmask.gui.chooser.desk import grab_monitors, list_here
from unmask.gui.chooser.eyes import Eye, SourceEye
from unmask.gui.chooser.looking import Looker
from unmask.gui.chooser.page import CameraPage, ListedPage, Page, WindowPage
from unmask.gui.chooser.picker import RegionPicker
from unmask.gui.chooser.recent_page import RecentPage
from unmask.gui.chooser.region_page import RegionPage
from unmask.gui.chooser.typed import AddressPage, FilePage, WebPage
from unmask.gui.features import Remembered
from unmask.gui.overlay.geometry import Monitor, monitors
from unmask.gui.qt import (
    QDialog,
    QDialogButtonBox,
    QEventLoop,
    QGridLayout,
    QGuiApplication,
    QKeySequence,
    QLabel,
    QListWidget,
    QPushButton,
    QShortcut,
    QShowEvent,
    QSize,
    QStackedWidget,
    QTimer,
    QWidget,
    sip,
)
from unmask.gui.theme import without_pictures
from unmask.realtime.sources.listing import SourceListing
from unmask.realtime.sources.registry import make_source
from unmask.realtime.types import Image

_SIZE = QSize(960, 600)
_NEWS_EVERY_MS = 200
# The desktop below the dialog needs a moment to show itself again.
_UNCOVERED_MS = 300
# A camera that hangs in its driver is left to its thread after so long.
_ENDING_S = 2.0
_ENDING_EVERY_MS = 20


class SourceChooser(QDialog):
    """``chosen`` is set once the dialog is accepted. ``kind`` is the page to begin with: ``camera``, ``screen``,
    ``window``, ``region``, ``file``, ``address``, ``page`` or ``recent``.

    Show it with ``show``: it hides itself while a region is drawn, which would end ``exec``. It is finished when no
    camera is open any more. The last arguments are there for tests.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        preferences: Remembered | None = None,
        kind: str = "",
        *,
        listing: Callable[[], list[SourceListing]] = list_here,
        open_eye: Callable[[str], Eye] = SourceEye,
        grab: Callable[[Sequence[Monitor]], list[Image]] = grab_monitors,
    ) -> None:
        super().__init__(parent)
        self.chosen: ChosenSource | None = None
        self._preferences, self._listing, self._grab = preferences, listing, grab
        self._looker = Looker(open_eye)
        self._worker = Worker("chooser", self)
        self._checking = False
        self._result: int | None = None
        self._end_by = 0.0
        self.picker: RegionPicker | None = None
        self.setWindowTitle(self.tr("Choose what to watch"))
        self.setModal(True)
        self.kinds = QListWidget()
        self.kinds.setAccessibleName(self.tr("Kind of source"))
        self.kinds.setSpacing(3)
        self.stack = QStackedWidget()
        self.pages: dict[str, Page] = {}
        self._add_pages()
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setAccessibleName(self.tr("What stands in the way"))
        self._lay_out()
        self._news_timer = self._timer(_NEWS_EVERY_MS, self._show_news)
        self._uncovered = self._timer(_UNCOVERED_MS, self._grab_desktop, once=True)
        self._end_timer = self._timer(_ENDING_EVERY_MS, self._end)
        QShortcut(QKeySequence("F5"), self).activated.connect(self.refresh)
        self.kinds.currentRowChanged.connect(self._turn)
        self.kinds.setCurrentRow(list(self.pages).index(kind) if kind in self.pages else 0)
        (self.page if kind in self.pages else self.kinds).setFocus()
        self.refresh()

    @property
    def page(self) -> Page:
        return list(self.pages.values())[self.stack.currentIndex()]

    def refresh(self) -> None:
        """List anew what there is."""
        self.problem.clear()
        self._worker.do(self._listing, self._listed, self._say)

    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        self._news_timer.start()
        self._look()

    def done(self, a0: int) -> None:
        """Close every source first: whoever opens the chosen camera next must find it free."""
        if self._result is not None:
            return
        self._result = a0
        self._end_by = time.monotonic() + _ENDING_S
        self._news_timer.stop()
        self._uncovered.stop()
        self._worker.close(0.0)
        self._looker.close()
        self._end_timer.start()
        self._end()

    def _end(self) -> None:
        if self._looker.over or time.monotonic() > self._end_by:
            self._end_timer.stop()
            if self._result == QDialog.DialogCode.Accepted and self.chosen is not None:
                remember(self._preferences, self.chosen)
            super().done(self._result or QDialog.DialogCode.Rejected)

    def _listed(self, rows: list[SourceListing]) -> None:
        for page in self.pages.values():
            page.show_rows(rows)
        self._changed()

    def _turn(self, row: int) -> None:
        self.stack.setCurrentIndex(row)
        self._changed()

    def _changed(self) -> None:
        """Another choice, or none."""
        self._say(self.page.problem)
        ready = self.page.choice() is not None and not self._checking
        self.watch_button.setEnabled(ready)
        if ready:  # a disabled button is passed over when Qt looks for the one that Enter presses
            self.watch_button.setDefault(True)
        self._look()

    def _look(self) -> None:
        if self.isVisible() and self._result is None:
            self._looker.look_at(*self.page.to_look_at())

    def _show_news(self) -> None:
        if news := self._looker.news():
            self.page.show_seen(news)

    def _say(self, sentence: str) -> None:
        self.problem.setText(sentence)

    def accept(self) -> None:
        """Watch it, if it is a source at all: looking that up may load a library, so it is done beside."""
        chosen = self.page.choice()
        if chosen is None or self._checking:
            return
        self._checking = True
        self.watch_button.setEnabled(False)
        # A page for the web is checked in full when it is opened.
        self._worker.do(lambda: make_source(chosen.spec, chosen.options), lambda _: self._take(chosen), self._refuse)

    def _take(self, chosen: ChosenSource) -> None:
        self.chosen = chosen
        self.done(QDialog.DialogCode.Accepted)

    def _refuse(self, sentence: str) -> None:
        self._checking = False
        self._changed()
        self._say(sentence)

    def draw_region(self) -> None:
        """Out of the way, and a window over every monitor to draw in."""
        self._looker.look_at(())
        self.hide()
        self._uncovered.start()

    def _grab_desktop(self) -> None:
        screens = QGuiApplication.screens()
        found = monitors(screens)

        def show(pictures: list[Image]) -> None:
            page = self._region_page
            self.picker = picker = RegionPicker(screens, found, pictures, page.region, self)
            picker.finished.connect(self._drawn)
            picker.begin()

        self._worker.do(lambda: self._grab(found), show, self._not_drawn)

    def _drawn(self, result: int) -> None:
        picker, self.picker = self.picker, None
        self.show()
        self.activateWindow()
        if picker is not None:
            if result == QDialog.DialogCode.Accepted:
                self._region_page.set_region(picker.region)
                self.watch_button.setFocus()
            picker.deleteLater()

    def _not_drawn(self, sentence: str) -> None:
        self.show()
        self._say(sentence)

    def _add_pages(self) -> None:
        words = self.tr(
            "Shows what is on the screen there, with what covers it (this dialog too). F5 lists the windows anew."
        )
        self._region_page = RegionPage()
        self._region_page.draw_asked.connect(self.draw_region)
        pages: dict[str, tuple[str, Page]] = {
            "camera": (self.tr("Cameras"), CameraPage("camera", self.tr("Cameras"))),
            "screen": (self.tr("Monitors"), ListedPage("screen", self.tr("Monitors"))),
            "window": (self.tr("Windows"), WindowPage("window", self.tr("Windows"), words)),
            "region": (self.tr("Region"), self._region_page),
            "file": (self.tr("File"), FilePage()),
            "address": (self.tr("Address"), AddressPage()),
            "page": (self.tr("Web page"), WebPage()),
            "recent": (self.tr("Recent"), RecentPage(self._preferences)),
        }
        for kind, (name, page) in pages.items():
            self.pages[kind] = page
            self.kinds.addItem(name)
            self.stack.addWidget(page)
            page.changed.connect(self._page_changed)
            page.asked.connect(self.accept)

    def _page_changed(self) -> None:
        if self.sender() is self.page:
            self._changed()

    def _lay_out(self) -> None:
        buttons = without_pictures(QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel))
        self.watch_button = QPushButton(self.tr("&Watch"))
        self.watch_button.setDefault(True)
        self.refresh_button = QPushButton(self.tr("Re&fresh"))
        self.refresh_button.setToolTip(self.tr("List anew what there is (F5)"))
        buttons.addButton(self.watch_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.refresh_button, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.refresh_button.clicked.connect(self.refresh)
        self.kinds.setFixedWidth(self.kinds.sizeHintForColumn(0) + 6 * self.fontMetrics().averageCharWidth() + 16)
        grid = QGridLayout(self)
        grid.setSpacing(12)
        grid.addWidget(self.kinds, 0, 0, 2, 1)
        grid.addWidget(self.stack, 0, 1)
        grid.addWidget(self.problem, 1, 1)
        grid.addWidget(buttons, 2, 0, 1, 2)
        grid.setRowStretch(0, 1)
        screen = self.screen()
        self.resize(_SIZE.boundedTo(screen.availableSize()) if screen is not None else _SIZE)

    def _timer(self, every_ms: int, act: Callable[[], object], *, once: bool = False) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(every_ms)
        timer.setSingleShot(once)
        timer.timeout.connect(act)
        return timer


def choose_source(parent: QWidget | None, preferences: Remembered | None = None, kind: str = "") -> ChosenSource | None:
    """Ask a person what to watch; ``None`` where they think better of it. ``kind`` as for ``SourceChooser``.
    What was chosen is remembered if the person allows that. No camera is open any more when this returns."""
    dialog, loop = SourceChooser(parent, preferences, kind), QEventLoop()
    dialog.finished.connect(loop.quit)
    try:
        dialog.show()
        loop.exec()
        return dialog.chosen
    finally:
        dialog.done(QDialog.DialogCode.Rejected)
        for made in (dialog, loop):
            sip.delete(made)
