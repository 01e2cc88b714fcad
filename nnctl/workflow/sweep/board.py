"""A study: a numbered slot for each trial, of which every worker takes one after another.

All slots are there from the beginning, waiting, so that workers who take the last ones at once never make one
too many. A slot may need several attempts, each a trial of Optuna's: one whose worker died is failed, and
another with the same settings waits in its place. Of those that were not given up the one with the lowest
number counts; whoever finds itself behind it steps aside. So two workers who give back the same trial do not
double it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.spec.language.sweep import SweepSpec
from nnctl.workflow.sweep.claims import Claim
from nnctl.workflow.sweep.samplers import pruner, sampler
from nnctl.workflow.sweep.storage import reached

DEATHS = 5
"""So often a trial whose worker died is tried again."""
IDENTITY = "nnctl"
TOLD = "told"
"""The attribute of a trial with all that it came to."""
Direction = Literal["minimize", "maximize"]


@record
class Study:
    """What all workers of a study have in common.

    Attributes:
        identity: Hashes of the config, the data and the search: another one is another study.
        epochs: Of a trial.
        number: How many trials there are to be.
        given: The settings of each trial, where they are a grid's.
    """

    name: str
    sweep: SweepSpec
    direction: Direction
    seed: int
    epochs: int
    number: int
    identity: Mapping[str, str]
    given: Sequence[Mapping[str, Any]] = ()


@record
class Taken:
    """A trial that this worker has taken."""

    slot: int
    trial: Any
    claim: Claim


class Board:
    """A study in its storage, as one worker sees it.

    Args:
        place: The directory of this machine's runs.
        key: What tells it from others' places.
        grace: After how many seconds without a sign of life another machine's worker counts as dead.
    """

    def __init__(self, study: Study, storage: Any, place: Path, key: str, grace: float) -> None:
        self.study, self.storage = study, storage
        self.place, self.key, self.grace = place, key, grace
        self._seen: dict[int, tuple[Any, float]] = {}
        self.id = reached(self._opened)

    def _opened(self) -> int:
        import optuna

        study = self.study
        made = optuna.create_study(
            study_name=study.name, storage=self.storage, direction=study.direction, load_if_exists=True
        )
        if IDENTITY not in made.user_attrs:
            made.set_user_attr(IDENTITY, dict(study.identity))
        found = made.user_attrs[IDENTITY]
        other = [name for name, value in study.identity.items() if found.get(name) != value]
        if other:
            raise RunError(
                f"the study '{study.name}' is of another {' and '.join(other)}; use another --study "
                "and --run-dir, or what it was begun with"
            )
        return int(self.storage.get_study_id_from_name(study.name))

    def optuna(self, slot: int) -> Any:
        """Optuna's study with the sampler of one slot; it has read nothing yet."""
        import optuna

        return optuna.load_study(
            study_name=self.study.name,
            storage=self.storage,
            sampler=sampler(self.study.sweep, self.study.seed, slot),
            pruner=pruner(self.study.sweep, self.study.epochs),
        )

    def attempts(self) -> dict[int, list[Any]]:
        """Every attempt by slot, in the order of their numbers."""
        found: dict[int, list[Any]] = {}
        for trial in reached(lambda: self.storage.get_all_trials(self.id, deepcopy=False)):
            if "slot" in trial.user_attrs:
                found.setdefault(trial.user_attrs["slot"], []).append(trial)
        return dict(sorted(found.items()))

    def fill(self) -> None:
        """Have an attempt wait in every slot that has none, or only some that were given up."""
        attempts = self.attempts()
        for slot in range(self.study.number):
            there = attempts.get(slot, [])
            if not there:
                given = self.study.given[slot] if self.study.given else {}
                self._enqueue(slot, given, 0)
            elif all(map(given_up, there)):
                last = there[-1]
                self._enqueue(slot, last.params, last.user_attrs.get("deaths", 0))

    def _enqueue(self, slot: int, settings: Mapping[str, Any], deaths: int) -> None:
        attrs = {"slot": slot, "deaths": deaths}
        reached(lambda: self.optuna(slot).enqueue_trial(dict(settings), user_attrs=attrs))

    def take(self) -> Taken | None:
        """The next trial that waits; None where none does."""
        for slot, attempts in self.attempts().items():
            for trial in attempts:
                if trial.state.name == "WAITING":
                    taken = self._take(slot, trial)
                    if taken is not None:
                        return taken
        return None

    def _take(self, slot: int, trial: Any) -> Taken | None:
        claim = Claim.take(self.place, slot)
        if claim is None:
            return None
        if self._set(trial, "RUNNING"):
            if first(self.attempts()[slot]).number == trial.number:
                self._attr(trial, "place", self.key)
                import optuna

                return Taken(
                    slot, reached(lambda: optuna.trial.Trial(self.optuna(slot), trial._trial_id)), claim
                )
            self._set(trial, "FAIL")
        claim.release()
        return None

    def _set(self, trial: Any, state: str) -> bool:
        """Whether the state could be changed: nobody else has taken or ended it."""
        from optuna.trial import TrialState

        try:
            return bool(
                reached(lambda: self.storage.set_trial_state_values(trial._trial_id, TrialState[state]))
            )
        except RuntimeError:  # Optuna's word for a trial that has ended.
            return False

    def _attr(self, trial: Any, name: str, value: Any) -> bool:
        """Whether the attribute could be set: nobody has ended the trial."""
        try:
            reached(lambda: self.storage.set_trial_user_attr(trial._trial_id, name, value))
        except RuntimeError:  # Optuna's word for a trial that has ended.
            return False
        return True

    def beat(self, taken: Taken, count: int) -> bool:
        """Show that the worker lives; False where its trial is not its own any more."""
        return self._attr(taken.trial, "beat", count)

    def settle(self, taken: Taken, outcome: str, value: float | None, told: Mapping[str, Any]) -> bool:
        """Write what a trial came to; False where it was given to another worker meanwhile."""
        from optuna.trial import TrialState

        # At once: a journal waits for the disk with each attribute.
        if not self._attr(taken.trial, TOLD, {"outcome": outcome, **told}):
            return False
        state = {"completed": None, "error": TrialState.FAIL}.get(outcome, TrialState.PRUNED)
        try:
            reached(lambda: taken.trial.study.tell(taken.trial, value, state))
        except ValueError:  # It is settled, or was given up.
            found = self.storage.get_trial(taken.trial._trial_id)
            return found.state.name in ("COMPLETE", "PRUNED")
        return True

    def give_back(self, trial: Any, died: bool) -> None:
        """Have another attempt wait in place of one that came to nothing."""
        found = reached(lambda: self.storage.get_trial(trial._trial_id))
        deaths = found.user_attrs.get("deaths", 0) + died
        if deaths > DEATHS:
            told = {"outcome": "error", "reason": f"its worker died {deaths} times"}
            self._attr(trial, TOLD, told)
        if self._set(trial, "FAIL") and deaths <= DEATHS:
            self._enqueue(found.user_attrs["slot"], found.params, deaths)

    def give_back_dead(self) -> None:
        """Give back every trial whose worker is dead."""
        for slot, trial in self._running():
            if trial.user_attrs.get("place") == self.key:
                claim = Claim.take(self.place, slot)
                if claim is not None:
                    # Who held it may have ended it since it was looked at.
                    self.give_back(trial, died=True)
                    claim.release()
            elif self._silent(trial):
                self.give_back(trial, died=True)

    def _silent(self, trial: Any) -> bool:
        """Whether another machine's worker has shown no sign of life, by this machine's own clock."""
        beat, now = trial.user_attrs.get("beat"), time.monotonic()
        known, since = self._seen.get(trial.number, (None, None))
        if since is None or known != beat:
            self._seen[trial.number] = beat, now
            return False
        return now - since > self.grace

    def _running(self) -> Iterator[tuple[int, Any]]:
        for slot, attempts in self.attempts().items():
            for trial in attempts:
                if trial.state.name == "RUNNING":
                    yield slot, trial

    def anybody(self) -> bool:
        """Whether a trial is running or waiting."""
        return any(
            trial.state.name in ("RUNNING", "WAITING") for slot in self.attempts().values() for trial in slot
        )


def given_up(trial: Any) -> bool:
    """Whether an attempt came to nothing, so that the slot needs another."""
    return bool(trial.state.name == "FAIL" and trial.user_attrs.get(TOLD, {}).get("outcome") != "error")


def first(attempts: Sequence[Any]) -> Any:
    """The attempt that counts; the last one where all were given up."""
    return next((trial for trial in attempts if not given_up(trial)), attempts[-1])
