"""One window without arguments per user and display: starting the program again brings it to the front."""

from __future__ import annotations

import getpass
import hashlib
import os

from unmask.gui.i18n import tr
from unmask.gui.qt import QLocalServer, QLocalSocket, QObject, pyqtSignal

_RAISE, _DONE = b"raise\n", b"done\n"
_WAIT_MS = 1000


def instance_name() -> str:
    """The socket's name: of this user and this display, so that each desktop has a window of its own."""
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or ""
    mark = hashlib.sha256(f"{_user()}\n{display}".encode()).hexdigest()[:16]
    return f"unmask-{mark}"


def raise_first(name: str = "") -> bool:
    """Ask the window that is open already to come to the front; ``False`` where there is none that answers."""
    socket = QLocalSocket()
    socket.connectToServer(name or instance_name())
    if not socket.waitForConnected(_WAIT_MS):
        return False
    socket.write(_RAISE)
    socket.flush()
    answered = socket.waitForReadyRead(_WAIT_MS) and bytes(socket.readAll().data()) == _DONE
    socket.disconnectFromServer()
    return answered


class FirstInstance(QObject):
    """Listens for those that come later; ``raised`` when one did. ``close`` frees the name."""

    raised = pyqtSignal()

    def __init__(self, name: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.name = name or instance_name()
        self._server = QLocalServer(self)
        # Nobody else on this machine may talk to it.
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._come)
        #: One sentence where it cannot listen, else "". The window works all the same; it only cannot be found.
        self.problem = ""
        if not self._server.listen(self.name):
            # Left behind by one that was killed: nobody answered it, or we would not be here.
            QLocalServer.removeServer(self.name)
            if not self._server.listen(self.name):
                self.problem = tr("Starting Unmask again will open a second window ({error}).").format(
                    error=self._server.errorString()
                )

    def close(self) -> None:
        self._server.close()

    def _come(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._hear(socket))
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._hear(socket)

    def _hear(self, socket: QLocalSocket) -> None:
        if bytes(socket.readAll().data()) == _RAISE:
            socket.write(_DONE)
            socket.flush()
            self.raised.emit()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""
