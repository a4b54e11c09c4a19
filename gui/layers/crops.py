"""The faces as the detector gets them: a card for each, with what stands against judging it."""

from __future__ import annotations

from collections.abc import Mapping

from unmask.gui.i18n import tr
from unmask.gui.picture import image_over
from unmask.gui.qt import (
    QColor,
    QFrame,
    QGridLayout,
    QImage,
    QLabel,
    QPainter,
    QPaintEvent,
    QRectF,
    QResizeEvent,
    QScrollArea,
    QSize,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    sip,
)
from unmask.gui.shapes import draw_box
from unmask.gui.spoken import cause_name
from unmask.realtime.types import Cause, FaceLook, FaceState, Image, Update, Verdict

#: The side of a crop on the screen, in device-independent pixels.
CROP_PX = 208
_SPACING = 10
# Said of a crop that was scored all the same.
_SCORED_YET = (Cause.TOO_FEW_FRAMES, Cause.UNCERTAIN)

Key = tuple[str, int]


def crop_image(look: FaceLook) -> QImage | None:
    """A QImage over the memory of the crop, in its own order of colours; ``None`` where there is no crop."""
    if look.crop is None:
        return None
    return image_over(look.crop) if look.colour == "bgr" else _rgb_over(look.crop)


def _rgb_over(crop: Image) -> QImage:
    address: object = sip.voidptr(crop.ctypes.data)
    image = QImage(address, crop.shape[1], crop.shape[0], crop.strides[0], QImage.Format.Format_RGB888)  # pyright: ignore[reportCallIssue, reportArgumentType]
    image.pixels = crop  # pyright: ignore[reportAttributeAccessIssue]
    return image


class CropPicture(QWidget):
    """One crop, enlarged, in the frame of the verdict's shape and colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look: FaceLook | None = None
        self._image: QImage | None = None
        self._verdict = Verdict.CANNOT_JUDGE
        self.setFixedSize(CROP_PX, CROP_PX)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    @property
    def image(self) -> QImage | None:
        return self._image

    def show_look(self, look: FaceLook | None, verdict: Verdict) -> None:
        """``None``: there is no crop yet."""
        if look is self._look and verdict is self._verdict:
            return
        self._verdict = verdict
        if look is not self._look:
            self._look, self._image = look, crop_image(look) if look is not None else None
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(16, 16, 16))
        if self._image is not None:
            painter.drawImage(QRectF(self.rect()), self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_box(painter, QRectF(self.rect()).adjusted(3, 3, -3, -3), self._verdict, 2.0)
        painter.end()


class CropCard(QFrame):
    """A face's newest crop, its number, and why it is not scored where it is not."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = CropPicture()
        self.title, self.state = QLabel(name), QLabel()
        self.rename(name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for widget in (self.picture, self.title, self.state):
            column.addWidget(widget)
        for label in (self.title, self.state):
            label.setFixedWidth(CROP_PX)
            label.setWordWrap(True)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        column.addStretch(1)

    def rename(self, name: str) -> None:
        self.title.setText(name)
        self.title.setAccessibleName(name)
        self.state.setAccessibleName(tr("What the detector makes of the crop of {face}").format(face=name))

    def show_face(self, face: FaceState) -> None:
        self.picture.show_look(face.look, face.verdict)
        words = crop_words(face)
        if words != self.state.text():
            self.state.setText(words)
            self.picture.setAccessibleName(f"{self.title.text()}: {words}")


def crop_words(face: FaceState) -> str:
    """Whether the newest crop was scored, and what stands against a verdict."""
    if face.look is not None and face.look.causes:
        return tr("Not scored: {causes}").format(causes=_joined(face.look.causes))
    if not face.causes:
        return tr("Scored")
    if set(face.causes) <= set(_SCORED_YET):
        return tr("Scored; {causes}").format(causes=_joined(face.causes))
    return tr("Not scored: {causes}").format(causes=_joined(face.causes))


def _joined(causes: tuple[Cause, ...]) -> str:
    return "; ".join(cause_name(cause) for cause in causes)


class CropStrip(QScrollArea):
    """A card for every face of every source, in as many columns as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[Key, CropCard] = {}
        self._columns, self._several = 1, False
        self.empty = QLabel(tr("No face is in view."))
        inside = QWidget()
        self._grid = QGridLayout(inside)
        self._grid.setSpacing(_SPACING)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(self.empty, 0, 0)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(tr("The faces as the detector gets them"))

    def sizeHint(self) -> QSize:
        return QSize(CROP_PX + 50, CROP_PX + 5 * self.fontMetrics().lineSpacing())

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        if self._columns != self._room():
            self._lay_out()

    def _room(self) -> int:
        """How many cards lie side by side."""
        view = self.viewport()
        return max(1, (view.width() if view is not None else 0) // (CROP_PX + _SPACING))

    def _lay_out(self) -> None:
        self._columns = self._room()
        for card in self.cards.values():
            self._grid.removeWidget(card)
        for number, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, *divmod(number, self._columns), Qt.AlignmentFlag.AlignTop)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        """Bring the cards up to date; nothing repaints where no crop is new."""
        faces = {(name, face.track.track_id): face for name, update in updates.items() for face in update.faces}
        before, several = list(self.cards), len(updates) > 1
        for key in [key for key in before if key not in faces]:
            card = self.cards.pop(key)
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        for key in faces.keys() - self.cards.keys():
            self.cards[key] = CropCard(_name(key, several))
        self.cards = {key: self.cards[key] for key in faces}
        if list(self.cards) != before:
            self._lay_out()
            self.empty.setHidden(bool(self.cards))
        for key, face in faces.items():
            if several is not self._several:
                self.cards[key].rename(_name(key, several))
            self.cards[key].show_face(face)
        self._several = several

    def clear(self) -> None:
        """Let go of every crop."""
        self.show_updates({})


def _name(key: Key, several: bool) -> str:
    words = tr("Face {number}").format(number=key[1])
    return f"{words} · {key[0]}" if several else words
