"""Languages: sentences are collected, compiled into Qt's own format, and looked up by Qt itself."""

from __future__ import annotations

import pytest

from unmask.engines.errors import UsageError
from unmask.gui.i18n import Language, languages, tr
from unmask.gui.qt import QLabel, QLocale
from unmask.gui.spoken import CAUSES, STATES, VERDICTS, counted
from unmask.gui.translations.compile import compile_ts
from unmask.gui.translations.extract import of_window, renew, sentences
from unmask.gui.translations.ts import read_ts, write_ts
from unmask.gui.wording import HINT
from unmask.realtime.types import Cause, SourceState, Verdict

GERMAN = {"Dismiss": "Schließen", "Snooze %n minutes …": "", "No alarms": "Keine Alarme 🙂", "a" * 5000: "lang"}


class Bar(QLabel):
    def said(self) -> str:
        return self.tr("Dismiss")


class SubclassedBar(Bar):
    pass


@pytest.fixture
def folder(tmp_path):
    write_ts(tmp_path / "unmask_de.ts", GERMAN, "de")
    compile_ts(tmp_path / "unmask_de.ts", "de")
    return tmp_path


@pytest.fixture
def language(qapp, folder):
    made = Language(qapp, folder)
    yield made
    made.set("en")


def test_qt_finds_every_translation_whatever_the_context_and_leaves_the_rest_as_it_is(language):
    assert tr("Dismiss") == "Dismiss"
    assert language.set("de") == ""
    assert language.code == "de"
    assert [tr(text) for text in GERMAN] == ["Schließen", "Snooze %n minutes …", "Keine Alarme 🙂", "lang"]
    assert tr("Dismiss", "some other context") == "Schließen"
    assert SubclassedBar().said() == "Schließen"
    assert tr("Never translated") == "Never translated"
    language.set("en")
    assert tr("Dismiss") == "Dismiss"


def test_a_country_falls_back_to_its_language_and_an_unknown_one_is_said(language):
    assert language.set("de_AT") == ""
    assert language.code == "de"
    said = language.set("xx")
    assert "xx" in said
    assert language.code == "en"
    assert tr("Dismiss") == "Dismiss"


def test_the_system_is_followed_and_stops_at_the_first_language_that_there_is(language, monkeypatch):
    class Spoken:
        def uiLanguages(self) -> list[str]:
            return ["fr-FR", "fr", "de-DE", "en"]

    monkeypatch.setattr(QLocale, "system", lambda: Spoken())
    assert language.set("system") == ""
    assert language.code == "de"
    Spoken.uiLanguages = lambda self: ["en-GB", "de-DE"]
    assert language.set("system") == ""
    assert language.code == "en"


def test_the_choices_are_english_and_what_was_compiled(folder):
    assert languages(folder) == (("en", "English"), ("de", "Deutsch"))


def test_sentences_are_collected_from_methods_functions_and_tables():
    source = 'tr("one")\nROW = mark("two")\nclass A:\n    def f(self):\n        self.tr("three")\n        tr(name)\n'
    assert set(sentences(source)) == {"one", "two", "three"}
    assert "Dismiss" in of_window()


def test_renewing_keeps_translations_and_drops_sentences_that_are_gone(tmp_path):
    path = tmp_path / "unmask_de.ts"
    assert renew(path, "de", ["Dismiss", "Old"]) == (2, 2)
    write_ts(path, {"Dismiss": "Schließen", "Old": "Alt"}, "de")
    assert renew(path, "de", ["Dismiss", "New <b>"]) == (2, 1)
    assert read_ts(path) == {"Dismiss": "Schließen", "New <b>": ""}


def test_a_file_that_is_no_translation_is_named(tmp_path):
    path = tmp_path / "unmask_de.ts"
    path.write_text("no xml")
    with pytest.raises(UsageError, match=r"unmask_de\.ts"):
        read_ts(path)


def test_the_words_for_verdicts_and_causes_are_those_of_the_monitor_and_can_be_translated():
    assert {verdict: verdict.words for verdict in Verdict} == VERDICTS
    assert {cause: cause.words for cause in Cause} == CAUSES
    assert set(SourceState) == STATES.keys()
    assert {*VERDICTS.values(), *CAUSES.values(), *STATES.values()} <= set(of_window())


def test_what_is_counted_is_said_in_the_language(qapp, tmp_path):
    assert (counted(1, "alarm"), counted(2, "face")) == ("1 alarm", "2 faces")
    write_ts(tmp_path / "unmask_de.ts", {"{number} alarms": "{number} Alarme", HINT: "Nur ein Hinweis."}, "de")
    compile_ts(tmp_path / "unmask_de.ts", "de")
    language = Language(qapp, tmp_path)
    language.set("de")
    assert (counted(2, "alarm"), tr(HINT)) == ("2 Alarme", "Nur ein Hinweis.")
    language.set("en")
