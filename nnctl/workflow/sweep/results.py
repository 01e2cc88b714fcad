"""What a study has come to: its trials, the best of them, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnctl.core.records import record
from nnctl.workflow.sweep.board import TOLD, Board, first
from nnctl.workflow.sweep.storage import reached

_OUTCOMES = {"COMPLETE": "completed", "FAIL": "error", "RUNNING": "running", "WAITING": "waiting"}


@record
class TrialTold:
    """One trial.

    Attributes:
        number: From 1; the name of its run.
        value: Of the objective; of a pruned one, the last that was measured.
        attempts: How often it was begun.
    """

    number: int
    outcome: str
    value: float | None
    settings: Mapping[str, Any]
    seconds: float | None
    epochs: int | None
    weights_sha256: str | None
    attempts: int
    here: bool
    reason: str | None = None
    exit_code: int = 1

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.outcome not in ("running", "waiting")

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "trial": self.number,
            "outcome": self.outcome,
            "value": self.value,
            "settings": self.settings,
            "seconds": self.seconds,
            "epochs": self.epochs,
            "weights_sha256": self.weights_sha256,
            "attempts": self.attempts,
            "reason": self.reason,
        }


@record
class Swept:
    """A study.

    Attributes:
        trials: By number.
        best: The best of those that were completed.
        best_config: The file with its config, ready to train.
        importance: The share of each setting in how the objective varies; none where that cannot be told.
        begun: Whether this call trained anything.
    """

    place: Path
    study: str
    objective: str
    direction: str
    trials: tuple[TrialTold, ...]
    best: TrialTold | None
    best_config: Path | None
    importance: Mapping[str, float]
    begun: bool

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return sum(trial.ended for trial in self.trials)

    @property
    def exit_code(self) -> int:
        """That of the first fault, where no trial was completed."""
        if self.best is not None:
            return 0
        return next((trial.exit_code for trial in self.trials if trial.outcome == "error"), 0)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": str(self.place),
            "study": self.study,
            "objective": self.objective,
            "direction": self.direction,
            "status": "completed" if self.ended == len(self.trials) else "interrupted",
            "trials": [trial.as_json() for trial in self.trials],
            "best": self.best.as_json() if self.best is not None else None,
            "best_run": str(self.place / str(self.best.number)) if self.best and self.best.here else None,
            "best_config": str(self.best_config) if self.best_config is not None else None,
            "importance": self.importance,
        }


def trials_of(board: Board) -> tuple[TrialTold, ...]:
    """Every trial of a study, by number."""
    return tuple(_told(slot, attempts, board.key) for slot, attempts in board.attempts().items())


def _told(slot: int, attempts: Sequence[Any], key: str) -> TrialTold:
    trial = first(attempts)
    known, state = trial.user_attrs.get(TOLD, {}), trial.state.name
    outcome = known.get("outcome", "pruned") if state == "PRUNED" else _OUTCOMES[state]
    return TrialTold(
        number=slot + 1,
        outcome=outcome,
        value=trial.value if state in ("COMPLETE", "PRUNED") else None,
        settings=known.get("settings", {}),
        seconds=known.get("seconds"),
        epochs=known.get("epochs"),
        weights_sha256=known.get("weights_sha256"),
        attempts=sum(one.state.name != "WAITING" for one in attempts),
        here=trial.user_attrs.get("place") == key,
        reason=known.get("reason"),
        exit_code=known.get("exit_code", 1),
    )


def best_of(trials: Sequence[TrialTold], direction: str) -> TrialTold | None:
    """The best completed trial; of equal ones the first."""
    done = [trial for trial in trials if trial.outcome == "completed" and trial.value is not None]
    sign = 1 if direction == "minimize" else -1
    return min(done, key=lambda trial: sign * (trial.value or 0.0), default=None)


def importance(board: Board) -> dict[str, float]:
    """How much each setting mattered, by PED-ANOVA; of settings that every trial has."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    try:
        study = board.optuna(0)
        found = reached(lambda: get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()))
    except (ValueError, RuntimeError, ZeroDivisionError):  # Too few trials, or no setting that all have.
        return {}
    return {path: round(float(share), 4) for path, share in found.items()}
