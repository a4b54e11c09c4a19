"""A person's settings: typed, checked, kept, and never a reason not to start."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from unmask.engines.errors import UnmaskError
from unmask.gui.i18n import tr
from unmask.gui.qt import QObject, QTimer, pyqtSignal
from unmask.gui.settings.store import read, set_aside, settings_path, write
from unmask.gui.settings.table import BY_KEY, TABLE, Value, checked, from_text, to_text

_SAVE_AFTER_MS = 300


class Preferences(QObject):
    """The settings of ``gui/settings/table.py``, kept in an INI file of the user. Used from the UI thread.

    ``changed`` tells the key of each change, ``failed`` in one sentence that a change could not be kept. What was
    changed is written a moment later, and by ``save``: call it at the end. Keys that the table does not know stay in
    the file.
    """

    changed = pyqtSignal(str)
    failed = pyqtSignal(str)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        """Read ``path``, by default the user's own file. Never raises: ``problem`` says what was wrong."""
        super().__init__(parent)
        self.path = path or settings_path()
        self._values: dict[str, Value] = {setting.key: checked(setting, setting.default) for setting in TABLE}
        self._unsaved: dict[str, str] = {}
        self._problems: list[str] = []
        self._told_failure = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)
        self._load()

    @property
    def problem(self) -> str:
        """What was wrong with the file, in one sentence for each thing; empty when nothing was."""
        return " ".join(self._problems)

    def value(self, key: str) -> Value:
        """Of the kind of its default. ``KeyError`` for a key that the table does not have."""
        found = self._values[key]
        return list(found) if isinstance(found, list) else found

    def set(self, key: str, value: Value) -> None:
        """Change a setting, and have it kept. Raises ``ValueError`` where the table does not allow ``value``."""
        setting = BY_KEY[key]
        try:
            value = checked(setting, value)
        except ValueError as error:
            raise ValueError(f"{key} is {error}, not {value!r}.") from None
        if value != self._values[key]:
            self._values[key] = value
            self._unsaved[key] = to_text(value)
            self._timer.start()
            self.changed.emit(key)

    def restore(self, keys: Iterable[str]) -> None:
        """Set these back to their defaults."""
        for key in keys:
            self.set(key, BY_KEY[key].default)

    def save(self) -> None:
        """Write now what was changed. Tells ``failed``, once, where that cannot be done."""
        self._timer.stop()
        if not self._unsaved:
            return
        try:
            write(self.path, self._unsaved)
        except OSError as error:
            if not self._told_failure:
                self._told_failure = True
                self.failed.emit(
                    tr("Changed settings last only until the end: {path} cannot be written ({error}).").format(
                        path=self.path, error=error.strerror or error
                    )
                )
            return
        self._told_failure = False
        self._unsaved.clear()

    def forget(self) -> None:
        """Delete the file and set everything back. Raises ``OSError`` where the file cannot be deleted."""
        self._timer.stop()
        self.path.unlink(missing_ok=True)
        self.restore(BY_KEY)
        self._timer.stop()
        self._unsaved.clear()

    def _load(self) -> None:
        try:
            texts = read(self.path)
        except OSError as error:
            self._problems.append(
                tr("The settings in {path} cannot be read ({error}): the defaults are used.").format(
                    path=self.path, error=error.strerror or error
                )
            )
            return
        except UnmaskError as error:
            self._set_aside(str(error))
            return
        for key, text in texts.items():
            setting = BY_KEY.get(key)
            if setting is None:
                continue
            try:
                self._values[key] = from_text(setting, text)
            except ValueError as error:
                self._problems.append(
                    tr("The setting {key} is {wanted}, not “{found}”: its default is used.").format(
                        key=key, wanted=error, found=_shown(text)
                    )
                )
                # Written back, so that it is said once and not at every start.
                self._unsaved[key] = to_text(setting.default)
                self._timer.start()

    def _set_aside(self, why: str) -> None:
        try:
            aside = set_aside(self.path)
        except OSError as error:
            words = tr(
                "The settings in {path} are broken ({why}) and cannot be moved ({error}): the defaults are used."
            )
            self._problems.append(words.format(path=self.path, why=why, error=error.strerror or error))
            return
        words = tr("The settings were broken ({why}): the defaults are used; the old file is now {aside}.")
        self._problems.append(words.format(why=why, aside=aside))


def _shown(text: str) -> str:
    """The beginning of what stands in the file, without anything that would steer whoever shows it."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:40])
    return line if len(text) <= 40 else f"{line}…"
