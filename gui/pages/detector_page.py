"""What judges, what runs it, how many false alarms are accepted, and how much of the processor may be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.gui.background import Worker
from unmask.gui.pages.choice_list import ChoiceList, Option
from unmask.gui.pages.sensitivity import Sensitivity
from unmask.gui.qt import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSignalBlocker,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from unmask.gui.services import DetectorChoice, DetectorEntry, EngineEntry, Services
from unmask.gui.settings.rows import keep_wheel_away
from unmask.gui.theme import outline_indicator

_LOOK_AFTER_MS = 20
_LEAST_CORES, _MOST_CORES = 0.1, 256.0


@dataclass(frozen=True, slots=True)
class AtWork:
    """What runs now: ``header`` in words, "" where nothing does."""

    choice: DetectorChoice
    alarms_per_hour: float
    cpu: float | None
    header: str = ""


class DetectorPage(QWidget):
    """Lists what there is without keeping anybody waiting. It asks, and is told by ``show_at_work`` what came of it.

    ``detector_chosen`` tells a ``DetectorChoice``, ``alarms_chosen`` false alarms per hour, ``cpu_chosen`` a number
    of cores or ``None`` for no limit.
    """

    detector_chosen = pyqtSignal(object)
    alarms_chosen = pyqtSignal(float)
    cpu_chosen = pyqtSignal(object)

    def __init__(self, services: Services, at_work: AtWork, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: dict[str, DetectorEntry] = {}
        self._at_work = at_work
        self.header = _label("")
        self.detectors = ChoiceList(self.tr("Detectors"))
        self.engines = ChoiceList(self.tr("Engines"))
        self.precision = QComboBox()
        self.precision.setAccessibleName(self.tr("Precision"))
        self.use = QPushButton(self.tr("&Use these"))
        self.status = _label("")
        self.status.setAccessibleName(self.tr("Whether this choice can be used"))
        self.sensitivity = Sensitivity()
        self.limit = QCheckBox(self.tr("&Stay within"))
        self.cores = QDoubleSpinBox()
        self._lay_out()
        self.detectors.option_changed.connect(self._show_precisions)
        self.engines.option_changed.connect(self._judge_choice)
        self.precision.currentIndexChanged.connect(self._judge_choice)
        self.use.clicked.connect(self._choose)
        self.sensitivity.chosen.connect(self.alarms_chosen)
        self.limit.toggled.connect(self._choose_cpu)
        self.cores.valueChanged.connect(self._choose_cpu)
        self.show_at_work(at_work)
        self._judge_choice()
        self.background = Worker("detector-page", self)
        self._services = services
        # After the page is on the screen, and one after the other: looking loads modules, which slows this thread.
        QTimer.singleShot(_LOOK_AFTER_MS, self._look)

    def show_at_work(self, at_work: AtWork) -> None:
        """Tell what runs now, and under which limits."""
        self._at_work = at_work
        self.header.setText(at_work.header or self.tr("Nothing is at work yet: it begins with the first source."))
        with QSignalBlocker(self.limit), QSignalBlocker(self.cores):
            self.limit.setChecked(at_work.cpu is not None)
            if at_work.cpu is not None:
                self.cores.setValue(at_work.cpu)
        self.cores.setEnabled(at_work.cpu is not None)
        self._show_sensitivity()

    def say(self, words: str) -> None:
        """What is being done now, or why it failed."""
        self.status.setText(words)

    def _look(self) -> None:
        self.background.do(self._services.detectors, self._show_detectors, self._no_detectors)

    def _no_detectors(self, why: str) -> None:
        self.detectors.say(why)
        self._look_for_engines()

    def _look_for_engines(self) -> None:
        self.background.do(self._services.engines, self._show_engines, self.engines.say)

    def _show_detectors(self, entries: Sequence[DetectorEntry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        options = [
            Option(entry.name, f"{entry.name} {entry.version}", entry.summary, entry.problem) for entry in entries
        ]
        self.detectors.show_options(options, self._at_work.choice.detector)
        self._show_sensitivity()
        self._judge_choice()
        self._look_for_engines()

    def _show_engines(self, entries: Sequence[EngineEntry]) -> None:
        options = [Option(entry.name, entry.name, entry.provider, entry.problem) for entry in entries]
        self.engines.show_options(options, self._at_work.choice.engine)
        self._judge_choice()

    def _show_precisions(self) -> None:
        entry = self._entries.get(self.detectors.current)
        wanted = self.precision.currentText() or self._at_work.choice.precision
        with QSignalBlocker(self.precision):
            self.precision.clear()
            self.precision.addItems(entry.precisions if entry is not None else [])
            self.precision.setCurrentIndex(max(0, self.precision.findText(wanted)))
        self._judge_choice()

    def _show_sensitivity(self) -> None:
        entry = self._entries.get(self._at_work.choice.detector)
        if entry is not None:
            self.sensitivity.show_budgets(entry.budgets, entry.backings)
        self.sensitivity.show_chosen(self._at_work.alarms_per_hour)

    def _judge_choice(self) -> None:
        problem = self.detectors.problem or self.engines.problem
        self.use.setEnabled(not problem)
        self.status.setText(problem)

    def _choose(self) -> None:
        self.detector_chosen.emit(
            DetectorChoice(self.detectors.current, self.engines.current, self.precision.currentText())
        )

    def _choose_cpu(self) -> None:
        self.cores.setEnabled(self.limit.isChecked())
        self.cpu_chosen.emit(self.cores.value() if self.limit.isChecked() else None)

    def _lay_out(self) -> None:
        outline_indicator(self.limit)
        for control in (self.cores, self.precision):
            keep_wheel_away(control)
        self.cores.setRange(_LEAST_CORES, _MOST_CORES)
        self.cores.setSingleStep(0.1)
        self.cores.setDecimals(1)
        self.cores.setValue(1.0)
        self.cores.setSuffix(self.tr(" cores"))
        self.cores.setKeyboardTracking(False)
        self.cores.setAccessibleName(self.tr("Processor cores that may be used"))
        choosing = QGroupBox(self.tr("Detector and engine"))
        column = QVBoxLayout(choosing)
        lists = QHBoxLayout()
        for words, widget in ((self.tr("De&tector"), self.detectors), (self.tr("&Engine"), self.engines)):
            side = QVBoxLayout()
            side.addWidget(_buddy(words, widget))
            side.addWidget(widget)
            lists.addLayout(side, 1)
        line = QHBoxLayout()
        line.addWidget(_buddy(self.tr("&Precision"), self.precision))
        line.addWidget(self.precision)
        line.addWidget(self.use)
        line.addStretch(1)
        column.addWidget(self.header)
        column.addLayout(lists)
        column.addLayout(line)
        column.addWidget(self.status)
        budget = QGroupBox(self.tr("Processor"))
        rows = QVBoxLayout(budget)
        row = QHBoxLayout()
        row.addWidget(self.limit)
        row.addWidget(self.cores)
        row.addStretch(1)
        rows.addLayout(row)
        rows.addWidget(
            _label(self.tr("By looking for faces and scoring them less often; the window says when it does."))
        )
        outer = QVBoxLayout(self)
        outer.addWidget(choosing, 1)
        for part in (self.sensitivity, budget):
            outer.addWidget(part)


def _label(words: str) -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _buddy(words: str, widget: QWidget) -> QLabel:
    label = QLabel(words)
    label.setBuddy(widget)
    return label
