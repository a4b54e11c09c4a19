"""The chooser's pages and what comes of them, with fakes for the machine."""

from __future__ import annotations

import numpy as np
import pytest
from gui_services import FakePreferences

from unmask.engines.errors import SourceError
from unmask.gui.chooser.chosen import ChosenSource, recent, remember
from unmask.gui.chooser.dialog import SourceChooser
from unmask.gui.chooser.tiles import TileList
from unmask.gui.chooser.typed import file_types
from unmask.gui.qt import QPalette, QPushButton, QSpinBox, Qt, QWidget, sip
from unmask.gui.theme import palette_for
from unmask.realtime.sources.listing import SourceListing
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.sources.screen import Region

ROWS = [
    SourceListing("camera:1", "camera", "Busy cam", False, "You may not use it; log in again."),
    SourceListing("camera:0", "camera", "Good cam"),
    SourceListing("screen:1", "screen", "monitor 1"),
    SourceListing("window:0x2a", "window", "A call"),
    SourceListing("window:0x2b", "window", "Notes"),
    SourceListing("page:ADDRESS", "page", "a page", False, "yt-dlp is not installed."),
]


class Eyes:
    def __init__(self):
        self.opened, self.open = [], []

    def __call__(self, spec):
        self.opened.append(spec)
        self.open.append(spec)
        return Eye(self, spec)


class Eye:
    def __init__(self, eyes, spec):
        self._eyes, self._spec = eyes, spec

    def look(self):
        if self._spec == "window:0x2b":
            raise SourceError("The window is minimised; bring it back.")
        return np.full((90, 160, 3), (0, 0, 200), np.uint8)

    def close(self):
        if self._spec in self._eyes.open:
            self._eyes.open.remove(self._spec)


@pytest.fixture
def eyes():
    return Eyes()


@pytest.fixture
def preferences():
    return FakePreferences(**{"general/sources": ["screen", "rtsp://old"], "privacy/history": True})


@pytest.fixture
def open_chooser(nothing_left, qtbot, eyes, preferences):
    made = []

    def begin(kind="", **changes):
        dialog = SourceChooser(None, preferences, kind, listing=lambda: ROWS, open_eye=eyes, **changes)
        made.append(dialog)
        dialog.show()
        qtbot.waitUntil(lambda: dialog.pages["screen"].tiles.count() > 0)
        return dialog

    yield begin
    for dialog in made:
        dialog.reject()
        qtbot.waitUntil(lambda dialog=dialog: not dialog.isVisible())
        sip.delete(dialog)


def watch(qtbot, dialog):
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.chosen is not None and not dialog.isVisible())
    return dialog.chosen


def test_what_cannot_be_watched_comes_last_and_says_why(open_chooser):
    dialog = open_chooser("camera")
    tiles = dialog.page.tiles
    assert [tiles.item(row).text() for row in range(2)] == ["Good cam", "Busy cam"]
    assert dialog.watch_button.isEnabled()
    tiles.setCurrentRow(1)
    assert dialog.problem.text() == "You may not use it; log in again."
    assert not dialog.watch_button.isEnabled()
    spoken = tiles.item(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Busy cam, You may not use it; log in again."


def test_a_window_that_calls_itself_markup_is_shown_as_what_it_is_called(qtbot):
    tiles = TileList("Windows")
    qtbot.addWidget(tiles)
    tiles.show_rows([SourceListing("window:0x1", "window", "<img src=x> call")], "")
    item = tiles.item(0)
    assert item.text().startswith("<img")  # items show words as they are, tooltips do not
    assert "&lt;img" in item.toolTip()


def test_no_camera_is_opened_before_the_person_asks_and_none_stays_open(open_chooser, eyes, qtbot):
    dialog = open_chooser("camera")
    qtbot.wait(300)
    assert eyes.opened == []
    dialog.page.show_pictures.setChecked(True)
    qtbot.waitUntil(lambda: "camera:0" in dialog.page.tiles.seen)
    assert eyes.opened == ["camera:0"]
    dialog.kinds.setCurrentRow(4)
    qtbot.waitUntil(lambda: eyes.open == [])
    assert dialog.pages["camera"].tiles.seen == {}


def test_a_chosen_camera_is_free_when_the_dialog_is_finished(open_chooser, eyes, qtbot):
    dialog = open_chooser("camera")
    dialog.page.show_pictures.setChecked(True)
    qtbot.waitUntil(lambda: "camera:0" in dialog.page.tiles.seen)
    dialog.page.width_box.setValue(1280)
    dialog.page.fps_box.setValue(15)
    open_then = []
    dialog.finished.connect(lambda _: open_then.append(list(eyes.open)))
    assert watch(qtbot, dialog) == ChosenSource("camera:0", SourceOptions(width=1280, fps=15.0))
    assert open_then == [[]]


def test_only_the_page_that_is_shown_is_looked_at(open_chooser, eyes, qtbot):
    dialog = open_chooser("screen")
    qtbot.waitUntil(lambda: "screen:1" in dialog.page.tiles.seen)
    assert eyes.opened == ["screen:1"]
    dialog.kinds.setCurrentRow(2)
    qtbot.waitUntil(lambda: set(dialog.page.tiles.seen) == {"window:0x2a", "window:0x2b"})
    assert "screen:1" not in eyes.open
    assert dialog.page.tiles.seen["window:0x2b"].problem == "The window is minimised; bring it back."
    spoken = dialog.page.tiles.item(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Notes, The window is minimised; bring it back."


def test_a_window_is_watched_by_its_id_and_remembered_by_its_title(open_chooser, preferences, qtbot):
    dialog = open_chooser("window")
    qtbot.keyClick(dialog.page.tiles, Qt.Key.Key_Right)
    assert watch(qtbot, dialog).spec == "window:0x2b"
    assert preferences.value("general/sources") == ["window:Notes", "screen", "rtsp://old"]


def test_what_is_no_source_is_said_in_place_and_nothing_is_closed(open_chooser, preferences, qtbot):
    dialog = open_chooser("address")
    qtbot.keyClicks(dialog.page.entry, "gopher://host")
    qtbot.keyClick(dialog.page.entry, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "gopher://host" in dialog.problem.text())
    assert dialog.isVisible()
    assert dialog.watch_button.isEnabled()
    dialog.page.entry.clear()
    assert dialog.problem.text() == ""
    qtbot.keyClicks(dialog.page.entry, "udp://127.0.0.1:5000")
    assert watch(qtbot, dialog).spec == "udp://127.0.0.1:5000"
    assert recent(preferences)[0] == "udp://127.0.0.1:5000"


def test_a_file_has_its_path_from_the_root_and_its_pace(open_chooser, qtbot, tmp_path, monkeypatch):
    (tmp_path / "screen").mkdir()
    monkeypatch.chdir(tmp_path)
    dialog = open_chooser("file")
    dialog.page.entry.setText("screen")
    dialog.page.own_speed.setChecked(False)
    assert watch(qtbot, dialog) == ChosenSource(str(tmp_path / "screen"), pace=False)


def test_the_file_dialog_offers_what_the_sources_read():
    for suffix in ("*.mp4", "*.MP4", "*.zip", "*.png"):
        assert f"{suffix} " in file_types().replace(")", " ")


def test_a_page_that_cannot_be_opened_here_says_why(open_chooser):
    dialog = open_chooser("page")
    dialog.page.entry.setText("https://example.org/v")
    assert dialog.problem.text() == "yt-dlp is not installed."
    assert not dialog.watch_button.isEnabled()


def test_a_region_in_numbers_is_looked_at_and_has_a_least_size(open_chooser, eyes, qtbot):
    dialog = open_chooser("region")
    assert dialog.page.choice() is None
    dialog.page.set_region(Region(10, 20, 640, 50))
    assert "at least 64" in dialog.problem.text()
    dialog.page.boxes["height"].setValue(480)
    qtbot.waitUntil(lambda: "region:10,20,640,480" in dialog.page.preview.seen)
    assert dialog.page.choice().spec == "region:10,20,640,480"


def test_where_the_desktop_cannot_be_grabbed_the_dialog_comes_back_and_says_so(open_chooser, qtbot):
    def grab(_monitors):
        raise SourceError("The screen is locked; unlock it.")

    dialog = open_chooser("region", grab=grab)
    dialog.page.draw_button.click()
    assert not dialog.isVisible()
    qtbot.waitUntil(dialog.isVisible)
    assert dialog.problem.text() == "The screen is locked; unlock it."


def test_what_was_watched_before_can_be_chosen_and_forgotten(open_chooser, preferences, qtbot):
    dialog = open_chooser("recent")
    assert dialog.page.choice().spec == "screen"
    qtbot.keyClick(dialog.page.list, Qt.Key.Key_Delete)
    assert preferences.value("general/sources") == ["rtsp://old"]
    dialog.page.forget_all_button.click()
    assert preferences.value("general/sources") == []
    assert dialog.page.choice() is None
    assert not dialog.page.forget_button.isEnabled()


def test_nothing_is_remembered_without_a_history_nor_any_password(preferences):
    remember(preferences, ChosenSource("rtsp://me:secret@host/a"))
    remember(preferences, ChosenSource("page:https://me:secret@host/a"))
    preferences.set("privacy/history", False)
    remember(preferences, ChosenSource("camera:0"))
    remember(None, ChosenSource("camera:0"))
    assert preferences.value("general/sources") == ["screen", "rtsp://old"]


def test_the_newest_is_first_once_and_only_so_many_are_kept(preferences):
    for number in range(20):
        remember(preferences, ChosenSource(f"camera:{number}"))
    remember(preferences, ChosenSource("camera:15"))
    assert recent(preferences)[:3] == ["camera:15", "camera:19", "camera:18"]
    assert len(recent(preferences)) == 12


def test_f5_lists_anew_and_keeps_the_choice(open_chooser, qtbot, monkeypatch):
    dialog = open_chooser("window")
    dialog.page.tiles.setCurrentRow(1)
    monkeypatch.setattr(dialog, "_listing", lambda: [*ROWS[3:], SourceListing("window:0x2c", "window", "New")])
    qtbot.keyClick(dialog, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: dialog.page.tiles.count() == 3)
    assert dialog.page.choice().spec == "window:0x2b"


def test_escape_chooses_nothing(open_chooser, qtbot):
    dialog = open_chooser("screen")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not dialog.isVisible())
    assert dialog.chosen is None


def test_everything_that_takes_the_keyboard_has_a_name(open_chooser):
    dialog = open_chooser()
    for widget in dialog.findChildren(QWidget):
        inner = isinstance(widget.parent(), QSpinBox) or widget.objectName().startswith("qt_")
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not inner:
            name = widget.accessibleName() or (widget.text() if hasattr(widget, "text") else "")
            assert name, widget
    assert [button for button in dialog.findChildren(QPushButton) if not button.text()] == []


def test_words_in_place_of_a_picture_follow_the_palette(open_chooser, qtbot):
    for scheme in ("dark", "light"):
        dialog = open_chooser("camera")
        palette = palette_for(scheme)
        dialog.setPalette(palette)
        dialog.page.tiles.forget_seen("off")
        shown = dialog.page.tiles.item(0).icon().pixmap(dialog.page.tiles.iconSize()).toImage()
        assert shown.pixelColor(12, 12) == palette.color(QPalette.ColorRole.Window)
