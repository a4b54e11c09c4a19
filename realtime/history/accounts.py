"""The sums of a session that is being watched, source by source. No database in here."""

from __future__ import annotations

from collections import defaultdict

from unmask.realtime.history.records import SourceAccount
from unmask.realtime.types import SourceState, Update, Verdict

#: So many causes are kept, those that lasted longest.
_MOST_CAUSES = 3
_COUNTS = (SourceState.RUNNING, SourceState.ENDED)


class Accounts:
    """Adds up what updates say. Time counts while a source runs, by its own clock; a pause counts nothing."""

    def __init__(self) -> None:
        self._of: dict[str, _Account] = {}

    def take(self, update: Update) -> None:
        self._of.setdefault(update.source_id, _Account()).take(update)

    def count_alarm(self, source: str) -> None:
        self._of.setdefault(source, _Account()).alarms += 1

    def forget(self) -> None:
        """Begin anew, going on from the newest updates."""
        for account in self._of.values():
            account.clear()

    def all(self) -> list[SourceAccount]:
        return [account.said(source) for source, account in self._of.items()]


class _Account:
    def __init__(self) -> None:
        self._newest: Update | None = None
        self.clear()

    def clear(self) -> None:
        self.watched_s = self.face_s = self.judged_s = self.no_signs_s = 0.0
        self.alarms = 0
        self.causes: defaultdict[str, float] = defaultdict(float)

    def take(self, update: Update) -> None:
        before, self._newest = self._newest, update
        if before is None or before.frame is None or update.frame is None:
            return
        if before.state is not SourceState.RUNNING or update.state not in _COUNTS:
            return
        spent = max(0.0, update.frame.time_s - before.frame.time_s)
        self.watched_s += spent
        self.face_s += spent * len(update.faces)
        self.judged_s += spent * sum(face.verdict is not Verdict.CANNOT_JUDGE for face in update.faces)
        if update.verdict is Verdict.NO_SIGNS:
            self.no_signs_s += spent
        elif update.verdict is Verdict.CANNOT_JUDGE:
            for cause in update.causes:
                self.causes[cause.value] += spent

    def said(self, source: str) -> SourceAccount:
        newest = self._newest
        return SourceAccount(
            source,
            round(self.watched_s, 3),
            round(self.face_s, 3),
            round(self.judged_s, 3),
            round(self.no_signs_s, 3),
            self.alarms,
            newest.state.value if newest is not None else "",
            newest.message if newest is not None else "",
            self._main_causes(newest),
        )

    def _main_causes(self, newest: Update | None) -> tuple[str, ...]:
        main = tuple(sorted(self.causes, key=lambda cause: -self.causes[cause])[:_MOST_CAUSES])
        return main or (tuple(cause.value for cause in newest.causes) if newest is not None else ())
