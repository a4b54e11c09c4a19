"""Settings, privacy, detector, help and the first run as parts of the window: see ``gui/features.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unmask.gui.background import Worker
from unmask.gui.i18n import tr
from unmask.gui.pages.about import about_page
from unmask.gui.pages.detector_page import AtWork, DetectorPage
from unmask.gui.pages.first_run import FirstRunDialog
from unmask.gui.pages.kept import Kept
from unmask.gui.pages.keyboard_page import KeyboardPage
from unmask.gui.pages.limits import TextPage, limits_html
from unmask.gui.pages.page_dialog import PageDialog
from unmask.gui.pages.privacy_page import PrivacyPage
from unmask.gui.qt import QDialog, QSize, QWidget, sip
from unmask.gui.services import DetectorChoice, DetectorEntry
from unmask.gui.settings.dialog import SettingsDialog
from unmask.gui.settings.preferences import Preferences
from unmask.realtime.types import Update

if TYPE_CHECKING:
    from unmask.gui.controller import Controller
    from unmask.gui.window import MonitorWindow


class PagesFeature:
    """Binds the actions of these pages. Each is one window; asking again brings it to the front.

    ``kept`` is what the privacy page lists. ``greet`` shows the first-run page where it was not acknowledged yet;
    leaving it closes the window.
    """

    def __init__(self, preferences: Preferences, kept: Sequence[Kept] = (), *, greet: bool = True) -> None:
        self._preferences = preferences
        self._kept = list(kept)
        self._greet = greet and not preferences.value("general/first_run_done")
        self._window: MonitorWindow | None = None
        self._controller: Controller | None = None
        self._open: dict[str, QDialog] = {}
        self._asked: set[str] = set()

    def attach(self, window: MonitorWindow) -> None:
        self._window, self._controller = window, window.controller
        bind = window.commands.bind
        bind("preferences", self.show_settings)
        bind("privacy", self.show_privacy)
        bind("keyboard", self.show_keyboard)
        bind("limits", self.show_limits)
        bind("about", self.show_about)
        self._preferences.failed.connect(self._say)
        if self._controller is not None:
            for name in ("detector", "sensitivity", "cpu"):
                bind(name, self.show_detector)
            self._controller.changed.connect(self._changed)
            self._controller.busy.connect(self._tell_detector_page)
            self._controller.failed.connect(self._tell_detector_page)

    def show_updates(self, updates: Mapping[str, Update]) -> None:
        if self._greet and self._window is not None and self._window.isVisible():
            self._greet = False
            self.show_first_run()

    def close(self) -> None:
        self._preferences.failed.disconnect(self._say)
        if self._controller is not None:
            for signal, slot in (
                (self._controller.changed, self._changed),
                (self._controller.busy, self._tell_detector_page),
                (self._controller.failed, self._tell_detector_page),
            ):
                signal.disconnect(slot)
        for dialog in list(self._open.values()):
            if not sip.isdeleted(dialog):
                dialog.blockSignals(True)  # closing the window is no answer to the first-run page
                dialog.close()
                dialog.deleteLater()
        self._open.clear()
        self._preferences.save()

    def show_first_run(self) -> None:
        """Modal to the window; what is watched goes on behind it."""
        services = self._controller.services if self._controller is not None else None
        dialog = FirstRunDialog(services, self._detector_name, self._window)
        dialog.accepted.connect(self._acknowledged)
        dialog.rejected.connect(self._leave)
        self._open["first run"] = dialog
        dialog.open()

    def show_settings(self) -> None:
        if not self._bring_back("settings"):
            self._show("settings", SettingsDialog(self._preferences, parent=self._window))

    def show_privacy(self) -> None:
        if not self._bring_back("privacy"):
            page = PrivacyPage(self._kept, self._preferences)
            self._show_page("privacy", tr("Privacy"), page, QSize(660, 640))

    def show_keyboard(self) -> None:
        if not self._bring_back("keyboard") and self._window is not None:
            page = KeyboardPage(self._window.commands.keyboard_rows())
            self._show_page("keyboard", tr("Keyboard"), page, QSize(560, 600))

    def show_about(self) -> None:
        if not self._bring_back("about"):
            self._show_page("about", tr("About Unmask"), about_page(), QSize(520, 460))

    def show_limits(self) -> None:
        if self._bring_back("limits"):
            return
        page = TextPage(tr("What it can tell"), limits_html([]))
        self._show_page("limits", tr("What it can tell"), page, QSize(640, 640))
        if self._controller is not None:
            name = self._detector_name

            def tell(entries: Sequence[DetectorEntry]) -> None:
                page.setHtml(limits_html([entry for entry in entries if entry.name == name], everything=True))

            background = Worker("limits-page", page)
            background.do(self._controller.services.detectors, tell, lambda why: page.setHtml(limits_html([], why)))

    def show_detector(self) -> None:
        if self._controller is None or self._bring_back("detector"):
            return
        page = DetectorPage(self._controller.services, self._at_work(self._controller))
        page.detector_chosen.connect(self._choose_detector)
        page.alarms_chosen.connect(self._choose_alarms)
        page.cpu_chosen.connect(self._choose_cpu)
        self._show_page("detector", tr("Detector, sensitivity, processor"), page, QSize(760, 720))

    def _choose_detector(self, choice: DetectorChoice) -> None:
        if self._controller is not None:
            self._asked |= {"monitor/detector", "monitor/engine", "monitor/precision"}
            self._controller.choose_detector(choice)

    def _choose_alarms(self, alarms_per_hour: float) -> None:
        if self._controller is not None:
            self._asked.add("monitor/alarms_per_hour")
            self._controller.set_alarms_per_hour(alarms_per_hour)

    def _choose_cpu(self, cores: float | None) -> None:
        if self._controller is not None:
            self._asked.add("monitor/cpu")
            self._controller.set_cpu(cores)

    def _changed(self) -> None:
        """Keep what a person chose here and what came of it; not what the command line said."""
        if self._controller is None:
            return
        now = self._at_work(self._controller)
        found = {
            "monitor/detector": now.choice.detector,
            "monitor/engine": now.choice.engine,
            "monitor/precision": now.choice.precision,
            "monitor/alarms_per_hour": now.alarms_per_hour,
            "monitor/cpu": now.cpu or 0.0,
        }
        for key in self._asked:
            self._preferences.set(key, found[key])
        page = self._detector_page()
        if page is not None:
            page.show_at_work(now)

    def _tell_detector_page(self, words: str) -> None:
        page = self._detector_page()
        if page is not None and words:
            page.say(words)

    def _detector_page(self) -> DetectorPage | None:
        dialog = self._open.get("detector")
        if not isinstance(dialog, PageDialog) or sip.isdeleted(dialog) or not isinstance(dialog.page, DetectorPage):
            return None
        return dialog.page

    @staticmethod
    def _at_work(controller: Controller) -> AtWork:
        return AtWork(controller.choice, controller.alarms_per_hour, controller.cpu, "\n".join(controller.header))

    @property
    def _detector_name(self) -> str:
        return self._controller.choice.detector if self._controller is not None else ""

    def _acknowledged(self) -> None:
        self._preferences.set("general/first_run_done", True)
        self._preferences.save()

    def _leave(self) -> None:
        if self._window is not None:
            self._window.close()

    def _say(self, words: str) -> None:
        if self._window is not None:
            self._window.notices.add([words])

    def _show_page(self, name: str, title: str, page: QWidget, size: QSize) -> None:
        self._show(name, PageDialog(title, page, size, self._window))

    def _show(self, name: str, dialog: QDialog) -> None:
        self._open[name] = dialog
        dialog.show()

    def _bring_back(self, name: str) -> bool:
        dialog = self._open.get(name)
        if dialog is None or sip.isdeleted(dialog):
            return False
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return True
