"""The pages where a person says what to watch: a file, an address, a page of the web."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unmask.gui.chooser.chosen import ChosenSource
from unmask.gui.chooser.page import Page, wrapped
from unmask.gui.i18n import tr
from unmask.gui.qt import QCheckBox, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget
from unmask.gui.scanning.drops import DropTarget
from unmask.gui.theme import outline_indicator
from unmask.realtime.sources.listing import SourceListing


class TypedPage(Page):
    """One line to type in, with ``words`` before it and ``note`` below it."""

    def __init__(self, words: str, note: str, example: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = QLineEdit()
        self.entry.setPlaceholderText(example)
        self.entry.setAccessibleName(words.replace("&", ""))
        self.entry.setAccessibleDescription(note)
        self.entry.textChanged.connect(lambda _: self.changed.emit())
        self.setFocusProxy(self.entry)
        label = QLabel(words)
        label.setBuddy(self.entry)
        self.line = QHBoxLayout()
        self.line.addWidget(self.entry, 1)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.addWidget(label)
        self.column.addLayout(self.line)
        self.column.addWidget(wrapped(note))
        self.column.addStretch(1)

    @property
    def text(self) -> str:
        return self.entry.text().strip()

    def choice(self) -> ChosenSource | None:
        return ChosenSource(self.text) if self.text else None


class FilePage(TypedPage):
    """A recording, a picture, a folder or a zip: typed, chosen in the system's dialog, or dropped here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        note = tr("A video, a picture, a folder of pictures, or a zip of them. It may be dropped here.")
        super().__init__(tr("&File or folder"), note, parent=parent)
        self.file_button = QPushButton(self.tr("&Choose a file …"))
        self.folder_button = QPushButton(self.tr("Choose a f&older …"))
        self.file_button.clicked.connect(self._choose_file)
        self.folder_button.clicked.connect(self._choose_folder)
        for button in (self.file_button, self.folder_button):
            self.line.addWidget(button)
        self.own_speed = QCheckBox(self.tr("Play at its own &speed"))
        self.own_speed.setChecked(True)
        outline_indicator(self.own_speed)
        tip = self.tr("Frames are left out where this machine is slower. Otherwise every frame is waited for.")
        self.own_speed.setToolTip(tip)
        self.own_speed.setAccessibleDescription(tip)
        self.column.insertWidget(3, self.own_speed)
        self.column.insertWidget(4, wrapped(tip))
        DropTarget(self, lambda paths: self.entry.setText(paths[0]))

    def choice(self) -> ChosenSource | None:
        if not self.text:
            return None
        # Told from addresses and cameras by being a path from the root: a file may be called "screen".
        return ChosenSource(str(Path(self.text).expanduser().absolute()), pace=self.own_speed.isChecked())

    def _choose_file(self) -> None:
        title = self.tr("Choose a file to watch")
        path, _ = QFileDialog.getOpenFileName(self, title, self._folder(), file_types())
        if path:
            self.entry.setText(path)

    def _choose_folder(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self.tr("Choose a folder of pictures"), self._folder()):
            self.entry.setText(path)

    def _folder(self) -> str:
        path = Path(self.text).expanduser()
        return str(path if path.is_dir() else path.parent) if self.text else ""


class AddressPage(TypedPage):
    def __init__(self, parent: QWidget | None = None) -> None:
        note = tr(
            "A network stream: rtsp, http, https, udp, tcp, srt or rtmp; or any source as the command line names it, "
            "such as camera:NAME or synthetic. An address with a password is not remembered."
        )
        super().__init__(tr("&Address"), note, "rtsp://", parent)


class WebPage(TypedPage):
    """The video of a page, through yt-dlp, where that is installed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        note = tr("The page of one video, at YouTube and many other places. Its video is fetched from there.")
        super().__init__(tr("&Address of the page"), note, "https://", parent)
        self._why = ""

    def choice(self) -> ChosenSource | None:
        return ChosenSource(f"page:{self.text.removeprefix('page:')}") if self.text and not self._why else None

    @property
    def problem(self) -> str:
        return self._why

    def show_rows(self, rows: Sequence[SourceListing]) -> None:
        self._why = next((row.reason for row in rows if row.kind == "page" and not row.available), "")
        self.changed.emit()


def file_types() -> str:
    """For the system's dialog: what the sources read."""
    from unmask.realtime.sources import archive_members, images  # loads Pillow, which the other pages do without

    suffixes = sorted(archive_members.VIDEO_SUFFIXES | archive_members.SUFFIXES | images.SUFFIXES)
    # Some file dialogs tell upper case from lower.
    patterns = " ".join(f"*{suffix} *{suffix.upper()}" for suffix in suffixes)
    return f"{tr('Videos, pictures and archives')} ({patterns});;{tr('All files')} (*)"
