"""Words that a person reads, in the language of the person.

Every text goes through Qt: ``self.tr("...")`` in widgets, ``tr("...")`` elsewhere, ``mark("...")`` in tables whose
words are looked up later with ``tr(row.words)``. ``gui/translations`` says how a language is added; its files know no
contexts, so one sentence has one translation wherever it stands.
"""

from __future__ import annotations

from pathlib import Path

from unmask.gui.qt import QApplication, QCoreApplication, QLibraryInfo, QLocale, QTranslator

FOLDER = Path(__file__).parent / "translations"
ENGLISH = "en"
SYSTEM = "system"
_STEM = "unmask_"


def tr(text: str, context: str = "unmask") -> str:
    """``text`` in the language of the application, or as it stands where there is no translation."""
    return QCoreApplication.translate(context, text)


def mark(text: str) -> str:
    """``text`` itself: marks a sentence of a table for the translators."""
    return text


def languages(folder: Path = FOLDER) -> tuple[tuple[str, str], ...]:
    """What can be chosen: the code and the language's own name for itself. English is in the program itself."""
    codes = sorted(path.stem.removeprefix(_STEM) for path in folder.glob(f"{_STEM}*.qm"))
    return ((ENGLISH, "English"), *((code, QLocale(code).nativeLanguageName() or code) for code in codes))


class Language:
    """The translators at work in an application. ``set`` takes the place of what was set before.

    Widgets that exist keep the words that they were made with: set the language before there are any.
    """

    def __init__(self, app: QApplication, folder: Path = FOLDER) -> None:
        self._app = app
        self._folder = folder
        self._installed: list[QTranslator] = []
        self.code = ENGLISH

    def set(self, wanted: str) -> str:
        """Speak ``wanted``, a code such as ``de``, or the system's language where there is a translation into it.

        Returns one sentence where a language that was asked for cannot be had, and English is spoken; else "".
        """
        for translator in self._installed:
            self._app.removeTranslator(translator)
        self._installed.clear()
        self.code = ENGLISH
        codes = _codes(QLocale.system().uiLanguages()) if wanted == SYSTEM else _codes([wanted])
        for code in codes:
            if code == ENGLISH:
                return ""
            if self._install(f"{_STEM}{code}", str(self._folder)):
                self.code = code
                # Qt's own buttons; where Qt has no such language they stay English, and ours do not.
                self._install(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
                return ""
        if wanted == SYSTEM:
            return ""
        return f"There is no translation into {wanted}: Unmask speaks English; choose another under Settings."

    def _install(self, name: str, folder: str) -> bool:
        translator = QTranslator()
        if not translator.load(name, folder, "", ".qm"):
            return False
        self._app.installTranslator(translator)
        self._installed.append(translator)
        return True


def _codes(locales: list[str]) -> list[str]:
    """``de-AT`` stands for itself and then for ``de``; the order of preference stays."""
    both = [code for name in locales for code in (name.replace("-", "_"), name.replace("-", "_").partition("_")[0])]
    return list(dict.fromkeys(both))
