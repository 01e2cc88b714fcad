"""The `sweep` section: which settings `nnctl sweep` searches, for what, and how."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.spec import Spec
from nnctl.spec.language.model import Seed

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Condition = dict[str, Any]
Choices = Annotated[tuple[Any, ...], Field(min_length=1)]
"""The values that a setting may have."""


class Range(Spec):
    """The values that a setting may have: numbers from `low` to `high`, or `choices`."""

    low: Number | None = None
    """The least value."""
    high: Number | None = None
    """The largest value; it may be taken, too."""
    log: bool = False
    """Whether each factor counts the same, and not each difference: for learning rates."""
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Only every so many from `low` on."""
    choices: Choices | None = None
    """The values themselves, in place of `low` and `high`."""
    when: Condition = {}
    """Other ranges' paths, each with the value (or a list of values) that it must have for this one to count;
    else the config's own value stays."""
    int: bool = False
    """Only whole numbers."""

    @model_validator(mode="after")
    def _agree(self) -> Range:
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.step is not None or self.log or self.int:
                raise _wrong("'choices' are the values themselves", "only 'choices', and 'when'")
            return self
        if self.low is None or self.high is None:
            raise _wrong("a range needs 'low' and 'high', or 'choices'", "both")
        if self.low >= self.high:
            raise _wrong(f"'low' ({self.low:g}) is not below 'high' ({self.high:g})", "low < high")
        if self.log and (self.low <= 0 or self.step is not None):
            raise _wrong("'log' goes with positive bounds, and without 'step'", "low > 0")
        if self.int and any(v != math.floor(v) for v in (self.low, self.high, self.step or 1)):
            raise _wrong("'int' goes with whole bounds", "whole numbers")
        return self

    def values(self) -> list[Any] | None:
        """Every value; None where there are too many to tell."""
        if self.choices is not None:
            return list(self.choices)
        assert self.low is not None
        assert self.high is not None
        step = self.step or (1 if self.int and not self.log else None)
        if step is None:
            return None
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        found = [self.low + i * step for i in range(count)]
        return [round(value) for value in found] if self.int else found

    def ends(self) -> list[Any]:
        """Values that show whether the others can stand in the config."""
        if self.choices is not None:
            return list(self.choices)
        ends = [self.low, self.high]
        return [round(end) for end in ends if end is not None] if self.int else ends


def _wrong(message: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("range", "{message}", {"message": message, "expected": expected})


class SweepSpec(Spec):
    """A search over settings. It changes nothing of a single run."""

    ranges: Annotated[dict[str, Range | Choices], Field(min_length=1)]
    """The settings, by path as `--set` names them, each with its range or a list of values."""
    objective: str = "val_loss"
    """What is searched for: a name of the logs, of the model that a run keeps."""
    direction: Literal["minimize", "maximize"] | None = None
    """Whether less or more is better; default: as the metric says."""
    sampler: Literal["tpe", "cmaes", "random", "grid"] = "tpe"
    """How the next values are chosen: `tpe` and `cmaes` learn from what was found, `random` draws, `grid`
    takes all combinations of values that can be counted."""
    pruner: Literal["none", "median", "halving", "hyperband"] = "none"
    """What ends a trial after an epoch that is worse than other trials' were."""
    startup: Annotated[int, Field(ge=0)] = 10
    """How many trials are drawn at random before the sampler and the median learn from them."""
    warmup: Annotated[int, Field(ge=0)] = 1
    """How many epochs of a trial are never pruned."""
    trials: Count | None = None
    """How many trials there are; default: 20, of a grid all."""
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """After how long no further trial is begun."""
    seed: Seed | None = None
    """What the sampler draws from; default: the experiment's seed."""

    @model_validator(mode="after")
    def _agree(self) -> SweepSpec:
        for path, found in self.every().items():
            for other in found.when:
                if other == path or other not in self.ranges:
                    raise PydanticCustomError(
                        "range",
                        "'{path}' depends on '{other}', which has no range",
                        {"path": path, "other": other, "expected": "a path that `ranges` has"},
                    )
            if self.sampler == "grid" and found.values() is None:
                raise PydanticCustomError(
                    "range",
                    "'{path}' has too many values for a grid",
                    {"path": path, "expected": "'choices', or 'step' or 'int' without 'log'"},
                )
        self.order()
        return self

    def every(self) -> dict[str, Range]:
        """Every range by its path; a list as `choices`."""
        return {
            path: found if isinstance(found, Range) else Range(choices=found)
            for path, found in self.ranges.items()
        }

    def order(self) -> list[str]:
        """The paths, each after those that it depends on.

        Raises:
            PydanticCustomError: they depend on each other.
        """
        ranges, found = self.every(), list[str]()
        while len(found) < len(ranges):
            ready = [p for p in ranges if p not in found and all(other in found for other in ranges[p].when)]
            if not ready:
                left = ", ".join(path for path in ranges if path not in found)
                raise PydanticCustomError("range", "{left} depend on each other", {"left": left})
            found += ready
        return found
