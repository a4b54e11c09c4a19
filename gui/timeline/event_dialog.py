"""The pictures of one alarm: a strip of them, one large, and saving them where the person says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from unmask.gui.i18n import tr
from unmask.gui.qt import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QListView,
    QModelIndex,
    QPushButton,
    QSize,
    Qt,
    QVBoxLayout,
    QWidget,
)
from unmask.gui.theme import without_pictures
from unmask.gui.timeline.kept import KeptPicture
from unmask.gui.timeline.saving import PictureSaver
from unmask.gui.timeline.strip import THUMB_PX, StripModel
from unmask.gui.timeline.times import TimeWords
from unmask.gui.timeline.words import event_words, nothing_kept
from unmask.gui.wording import HINT, face_lines
from unmask.realtime.sinks.ring import KeptFrame
from unmask.realtime.types import Event


class EventDialog(QDialog):
    """Shows ``frames`` of ``event``, which it holds in memory until it is closed. Nothing is written before the
    person chose a folder. ``ask_folder`` is for tests: it gives the folder, or nothing."""

    def __init__(
        self,
        event: Event,
        number: int,
        frames: Sequence[KeptFrame],
        times: TimeWords,
        *,
        seconds: float = 20.0,
        calibrated: bool = False,
        ask_folder: Callable[[], str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """``seconds`` is what the ring is set to: it explains why nothing is kept."""
        super().__init__(parent)
        self.event_shown, self._times, self._frames = event, times, tuple(frames)
        self._stem = f"unmask alarm {number} face {event.track_id}"
        self._ask_folder = ask_folder or self._ask
        self._saver: PictureSaver | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Alarm {}", "timeline").format(number))
        self.title = QLabel(event_words(event, number, times, calibrated))
        self.caption, self.status = QLabel(), QLabel()
        self.picture, self.strip = KeptPicture(), QListView()
        self.model = StripModel(self._frames, event, times)
        self.save = QPushButton(tr("&Save these pictures …", "timeline"))
        self._lay_out(seconds)
        if self._frames:
            self._begin()

    def _lay_out(self, seconds: float) -> None:
        column = QVBoxLayout(self)
        for label in (self.title, self.caption, self.status):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        column.addWidget(self.title)
        column.addWidget(self.picture, 1)
        for widget in (self.caption, self.strip, self.status, QLabel(HINT)):
            column.addWidget(widget)
        if not self._frames:
            self.status.setText(nothing_kept(seconds))
        buttons = without_pictures(QDialogButtonBox(QDialogButtonBox.StandardButton.Close))
        buttons.rejected.connect(self.reject)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.ActionRole)
        self.save.setAutoDefault(False)
        self.save.clicked.connect(self._save)
        column.addWidget(buttons)
        for widget in (self.picture, self.caption, self.strip, self.save):
            widget.setVisible(bool(self._frames))

    def _begin(self) -> None:
        self.strip.setModel(self.model)
        self.strip.setFlow(QListView.Flow.LeftToRight)
        self.strip.setWrapping(False)
        self.strip.setUniformItemSizes(True)
        self.strip.setViewMode(QListView.ViewMode.IconMode)
        self.strip.setMovement(QListView.Movement.Static)
        self.strip.setIconSize(QSize(round(THUMB_PX * self.model.proportion), THUMB_PX))
        self.strip.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.strip.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = self.strip.horizontalScrollBar()
        bar_px = bar.sizeHint().height() if bar is not None else 16
        self.strip.setFixedHeight(self.model.cell.height() + bar_px + 8)
        self.strip.setAccessibleName(tr("Pictures of the alarm; the arrow keys step through them", "timeline"))
        selection = self.strip.selectionModel()
        if selection is not None:
            selection.currentChanged.connect(self._show)
        self.strip.setCurrentIndex(self.model.index(self._most_telling(), 0))
        self.strip.setFocus()

    def _most_telling(self) -> int:
        """The picture in which the alarm's face had its highest score."""
        track = self.event_shown.track_id

        def score(number: int) -> float:
            faces = self._frames[number].faces
            return max((face.score or 0.0 for face in faces if face.track.track_id == track), default=-1.0)

        return max(range(len(self._frames)), key=score)

    def _show(self, index: QModelIndex, _before: QModelIndex) -> None:
        kept = self._frames[index.row()]
        where = tr("Picture {} of {}, {}", "timeline")
        words = where.format(index.row() + 1, len(self._frames), self._times.words(kept.time_s, 0.5))
        said = "; ".join(tr("face {}", "timeline").format(", ".join(face_lines(face))) for face in kept.faces)
        words = f"{words}: {said}" if said else words
        self.caption.setText(words)
        self.picture.show_kept(kept, words)
        self.strip.scrollTo(index)

    def _ask(self) -> str:
        return QFileDialog.getExistingDirectory(self, tr("Where to save these pictures", "timeline"))

    def _save(self) -> None:
        folder = self._ask_folder()
        if not folder:
            return
        self.save.setEnabled(False)
        named = [(kept, self._times.words(kept.time_s, 0.5)) for kept in self._frames]
        self._saver = PictureSaver(named, self._stem, Path(folder), self.font())
        self._saver.progressed.connect(self._progressed)
        self._saver.finished.connect(self._saved)
        self._saver.start()

    def _progressed(self, done: int, every: int) -> None:
        self.status.setText(tr("Saving {} of {} …", "timeline").format(done, every))

    def _saved(self, sentence: str) -> None:
        self.status.setText(sentence)
        self.save.setEnabled(True)

    def done(self, a0: int) -> None:
        """Every way out leads through here: the button, Escape, the window's own."""
        self._stop_saving()
        super().done(a0)

    def _stop_saving(self) -> None:
        if self._saver is not None:
            self._saver.stop()
            self._saver = None
