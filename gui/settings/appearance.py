"""Language and colours as the settings say; made once, before there is any window."""

from __future__ import annotations

from unmask.gui.i18n import Language
from unmask.gui.qt import QApplication, QObject
from unmask.gui.settings.preferences import Preferences
from unmask.gui.theme import Theme


class Appearance(QObject):
    """Sets the language, and keeps dark or light as the settings and the system say. ``problem`` is one sentence
    where the language cannot be had. Hold on to it: with it goes its following of the system."""

    def __init__(self, app: QApplication, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.language, self.theme = Language(app), Theme(app, self)
        self.problem = self.language.set(str(preferences.value("general/language")))
        self.theme.set(str(preferences.value("view/theme")))
        preferences.changed.connect(self._changed)

    def _changed(self, key: str) -> None:
        if key == "view/theme":
            self.theme.set(str(self._preferences.value(key)))
