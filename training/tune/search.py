"""One phase of a search: its Optuna study, trial after trial, from wherever it was cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.training.run.folder import RunError
from unmask.training.tune.ranges import Choices, Phase, Range, Ranges, meant
from unmask.training.zoo.recipe import Recipe, RecipeError, changed

TrainTrial = Callable[[Recipe, Path, Callable[[int, float], None]], float]
"""(recipe, folder, seen) -> best validation AUROC. ``seen(epoch, auroc)`` may raise, and ends the trial."""

#: What may be wrong with one set of settings and not with the search: such trials are recorded as failed.
_OF_THE_TRIAL = (RunError, RecipeError)


class Pruned(Exception):
    """The trial fell behind the median of the others."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``state`` is done, pruned or failed (``reason`` says why); ``auroc`` the best over ``epochs``, which
    for a pruned trial are those it had; ``seconds`` are of the process that ended it. ``changes`` are dotted
    settings on top of the phase's start."""

    phase: str
    number: int
    state: str
    auroc: float | None
    epochs: int
    seconds: float
    changes: dict[str, Any]
    reason: str = ""


class PhaseSearch:
    """The trials of one phase around ``start``. Proposals depend on the seed and the trials before, not on
    how often the search was cut off: each is drawn by a sampler of its own seed."""

    def __init__(self, storage: Any, name: str, phase: Phase, ranges: Ranges, start: Recipe, seed: int) -> None:
        import optuna

        self._optuna, self.phase, self.ranges, self.start, self._seed = optuna, phase, ranges, start, seed
        pruner = optuna.pruners.MedianPruner(n_startup_trials=ranges.startup, n_warmup_steps=ranges.warm_up)
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
        )

    def trials(self) -> list[Trial]:
        """Those that have ended, in their order."""
        ended = (_ended(trial, self.phase.name) for trial in self.study.get_trials(deepcopy=False))
        return sorted((trial for trial in ended if trial is not None), key=lambda trial: trial.number)

    def next_trial(self, folder: Path, train: TrainTrial, log: Callable[[str], None]) -> Trial:
        """Run one more trial in ``folder``/NUMBER, or the rest of one that was cut off."""
        number = len(self.trials()) + 1
        trial = self._cut_off() or self._ask(number)
        changes = dict(trial.user_attrs["changes"])
        log(f"{self.phase.name}, trial {number} of {self.phase.trials}: {shown(changes)}")
        began = time.monotonic()
        place = folder / f"{number:03}"
        state, reason, best = "done", "", None
        known = dict(self.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

        def seen(epoch: int, auroc: float) -> None:
            if epoch not in known:  # a repeated epoch was told before the kill
                trial.report(auroc, epoch)
            if trial.should_prune():
                raise Pruned

        try:
            best = train(changed(self.start, changes), place, seen)
        except Pruned:
            state = "pruned"
        except _OF_THE_TRIAL as error:
            if not self.phase.ranges:
                raise  # the recipe as it is cannot be trained: there is nothing to search around
            state, reason = "failed", str(error)
        return self._tell(trial, number, state, best, reason, time.monotonic() - began)

    def _cut_off(self) -> Any:
        """The trial that was running when the search was killed, None where there is none."""
        states = self._optuna.trial.TrialState
        for frozen in self.study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if "changes" in frozen.user_attrs:
                return self._optuna.trial.Trial(self.study, frozen._trial_id)
            # Killed while it was drawn: its number of ours is still free.
            self.study.tell(frozen.number, state=states.FAIL)
        return None

    def _ask(self, number: int) -> Any:
        drawn = np.random.SeedSequence((self._seed, *self.phase.name.encode(), number)).generate_state(1)
        self.study.sampler = self._optuna.samplers.TPESampler(seed=int(drawn[0]), n_startup_trials=self.ranges.startup)
        trial = self.study.ask()
        changes = {key: suggested(trial, key, one) for key, one in self.phase.ranges.items()}
        trial.set_user_attr("number", number)
        trial.set_user_attr("changes", changes)
        return trial

    def _tell(self, trial: Any, number: int, state: str, best: float | None, reason: str, seconds: float) -> Trial:
        states = self._optuna.trial.TrialState
        for name, value in {"number": number, "ended": state, "reason": reason, "seconds": seconds}.items():
            trial.set_user_attr(name, value)
        if state == "done":
            self.study.tell(trial.number, best)
        else:
            self.study.tell(trial.number, state=states.PRUNED if state == "pruned" else states.FAIL)
        ended = _ended(self.study.get_trials(deepcopy=False)[trial.number], self.phase.name)
        assert ended is not None
        return ended


def suggested(trial: Any, key: str, one: Range) -> Any:
    """A value for ``key``. Choices go by their JSON text, since Optuna stores no lists and tables."""
    if isinstance(one, Choices):
        return meant(json.loads(trial.suggest_categorical(key, [json.dumps(choice) for choice in one.choices])))
    if one.whole:
        return trial.suggest_int(key, one.low, one.high, step=one.step or 1, log=one.log)
    return trial.suggest_float(key, one.low, one.high, step=one.step, log=one.log)


def _ended(frozen: Any, phase: str) -> Trial | None:
    about = frozen.user_attrs
    if not frozen.state.is_finished() or "ended" not in about:
        return None
    values = frozen.intermediate_values
    auroc = frozen.value if about["ended"] == "done" else max(values.values(), default=None)
    return Trial(
        phase,
        int(about["number"]),
        about["ended"],
        auroc,
        max(values, default=0),
        float(about["seconds"]),
        dict(about["changes"]),
        about["reason"],
    )


def shown(changes: dict[str, Any]) -> str:
    """For people, on one line."""
    if not changes:
        return "as it is"
    return ", ".join(f"{key} {_number(value)}" for key, value in changes.items())


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "null" if value is None else json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
