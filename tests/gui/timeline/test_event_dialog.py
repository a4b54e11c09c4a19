"""The pictures of an alarm: shown, stepped through, saved where the person says, and nowhere else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from updates import face_state, update

from unmask.gui.qt import QDialogButtonBox, QFont, QImage, Qt, sip
from unmask.gui.timeline.event_dialog import EventDialog
from unmask.gui.timeline.kept import decoded, marked
from unmask.gui.timeline.saving import write_new
from unmask.gui.timeline.times import TimeWords
from unmask.realtime.sinks.ring import FrameRing
from unmask.realtime.types import Event, Verdict

pytestmark = pytest.mark.usefixtures("qapp", "no_windows_left", "no_leaks")
ALARM = Event(1, 2.0, 4.0, 0.97)


def kept(end_s=8.0):
    ring = FrameRing()
    for number in range(round(end_s * 10)):
        time_s = number / 10
        score = 0.97 if time_s == 3.0 else 0.9 if 2 <= time_s < 4 else 0.2
        face = face_state(Verdict.SIGNS if score > 0.5 else Verdict.NO_SIGNS, score=score)
        ring.take(update(time_s, face, sequence=number + 1, events=(ALARM,) if time_s >= 2 else ()))
    return ring.frames("fake", ALARM)


@pytest.fixture
def opened(qtbot):
    made = []

    def make(frames, **options):
        dialog = EventDialog(ALARM, 3, frames, TimeWords(), calibrated=True, **options)
        made.append(dialog)
        dialog.show()
        return dialog

    yield make
    for dialog in made:
        if not sip.isdeleted(dialog):
            sip.delete(dialog)


def rgb(image):
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].astype(int).copy()


def test_it_begins_with_the_most_telling_picture_and_the_arrows_step(opened, qtbot):
    dialog = opened(kept())
    assert "Alarm 3: face 1, 0:02 to 0:04, highest 97%" in dialog.title.text()
    assert "0:03.0" in dialog.caption.text()
    assert "1: signs of manipulation, 97%" in dialog.caption.text()
    first = dialog.strip.currentIndex().row()
    qtbot.keyClick(dialog.strip, Qt.Key.Key_Right)
    assert dialog.strip.currentIndex().row() == first + 1
    assert "0:03.1" in dialog.caption.text()
    qtbot.keyClick(dialog.strip, Qt.Key.Key_Left)
    qtbot.keyClick(dialog.strip, Qt.Key.Key_Left)
    assert "0:02.9" in dialog.picture.accessibleDescription()


def test_the_strip_marks_what_lies_in_the_alarm_and_decodes_only_what_is_seen(opened, qtbot):
    dialog = opened(kept())
    qtbot.waitUntil(lambda: bool(dialog.model._small), timeout=5000)
    assert 0 < len(dialog.model._small) < dialog.model.rowCount() / 2
    words = [dialog.model.index(row, 0).data() for row in range(dialog.model.rowCount())]
    assert [word.startswith("▸") for word in words] == [2.0 <= one.time_s <= 4.0 for one in kept()]


def test_the_picture_has_its_box(opened):
    dialog = opened(kept())
    shot = rgb(dialog.picture.grab().toImage())
    signs = np.abs(shot - np.array([213, 94, 0])).max(axis=-1) < 10
    assert signs.sum() > 500


def test_without_pictures_it_says_so(opened):
    dialog = opened((), seconds=20.0)
    assert dialog.status.text().startswith("Nothing is kept of this alarm: its pictures were deleted")
    assert not dialog.save.isVisible()
    assert "keep no pictures" in opened((), seconds=0.0).status.text()


def test_nothing_is_written_before_a_folder_is_chosen_and_then_all_of_it_marked(opened, qtbot, tmp_path):
    folder = [""]
    dialog = opened(kept(4.0), ask_folder=lambda: folder[0])
    dialog.save.click()
    assert list(tmp_path.iterdir()) == []
    assert dialog.save.isEnabled()
    folder[0] = str(tmp_path)
    dialog.save.click()
    qtbot.waitUntil(lambda: "were saved" in dialog.status.text(), timeout=20_000)
    written = sorted(tmp_path.iterdir())
    assert len(written) == len(kept(4.0))
    assert written[0].name == "unmask alarm 3 face 1 001 0.00.0.png"
    image = QImage(str(written[0]))
    assert "a hint, never proof" in image.text("Description")
    foot = rgb(image)[kept(4.0)[0].height :]
    assert foot.shape[0] > 20
    assert (foot.min(axis=-1) > 200).sum() > 200, "white words on the dark foot"


def test_a_folder_that_cannot_be_written_is_one_sentence(opened, qtbot, tmp_path):
    dialog = opened(kept(4.0), ask_folder=lambda: str(tmp_path / "gone"))
    dialog.save.click()
    qtbot.waitUntil(lambda: "Cannot write" in dialog.status.text(), timeout=5000)
    assert "choose another folder" in dialog.status.text()
    assert dialog.save.isEnabled()


def test_closing_while_it_saves_ends_the_saving(opened, qtbot, tmp_path):
    dialog = opened(kept(), ask_folder=lambda: str(tmp_path))
    dialog.save.click()
    qtbot.waitUntil(lambda: len(list(tmp_path.iterdir())) > 1, timeout=5000)
    dialog.close()
    written = len(list(tmp_path.iterdir()))
    qtbot.wait(100)
    assert written == len(list(tmp_path.iterdir())) < len(kept())


def test_no_file_is_written_over(tmp_path):
    first, second = write_new(tmp_path, "a", b"1"), write_new(tmp_path, "a", b"2")
    assert (first.name, second.name) == ("a.png", "a (2).png")
    assert first.read_bytes() == b"1"


def test_a_saved_picture_names_no_folder():
    (one, *_) = kept(4.0)
    image = marked(dataclasses.replace(one, source_id="/folder/of/somebody/call.mp4"), "0:01.0", QFont())
    assert image.text("Description").endswith("0:01.0  call.mp4")


def test_a_small_picture_is_decoded_small():
    (one, *_) = kept(4.0)
    assert (decoded(one).width(), decoded(one).height()) == (320, 240)
    assert decoded(one, 60).height() == 60


@pytest.mark.parametrize("way", ["escape", "button", "window"])
def test_every_way_out_closes_it(opened, qtbot, way):
    dialog = opened(kept())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    if way == "escape":
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    elif way == "button":
        buttons = dialog.findChild(QDialogButtonBox)
        qtbot.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Close), Qt.MouseButton.LeftButton)
    else:
        dialog.close()
    assert not dialog.isVisible()
