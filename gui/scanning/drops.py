"""What may be dropped on the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from unmask.gui.qt import QDragEnterEvent, QDropEvent, QEvent, QMimeData, QObject, Qt, QWidget


def accepts(mime: QMimeData | None) -> list[str]:
    """The paths of the files and folders that are being dragged; empty where there are none on this machine."""
    if mime is None or not mime.hasUrls():
        return []
    paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if path and Path(path).exists()]


class DropTarget(QObject):
    """Lets files be dropped anywhere on ``widget``, and hands their paths to ``take``."""

    def __init__(self, widget: QWidget, take: Callable[[list[str]], object]) -> None:
        super().__init__(widget)
        self._take = take
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if isinstance(a1, QDropEvent) and (paths := accepts(a1.mimeData())):
            a1.setDropAction(Qt.DropAction.CopyAction)
            a1.accept()
            if not isinstance(a1, QDragEnterEvent) and a1.type() == QEvent.Type.Drop:
                self._take(paths)
            return True
        return False
