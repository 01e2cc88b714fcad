"""The `expect` section: what a run has to reach. What does not hold is exit code 4."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.spec import Spec

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_GROUPED = re.compile(r"\d{1,3}(_\d{3})*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMG]i?B|B)")


def _bytes(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("size", f"expected bytes, or a size such as 300 MB ({', '.join(UNITS)})")
    return round(float(found[1]) * UNITS[found[2]])


def _count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _GROUPED.fullmatch(value):
        return int(value)
    raise PydanticCustomError("count", "expected a whole number, 0 or more, such as 50000 or 50_000")


Count = Annotated[int, PlainValidator(_count), WithJsonSchema({"type": ["integer", "string"]})]
"""A whole number, 0 or more; thousands may be set off by `_`."""

Bytes = Annotated[
    int,
    PlainValidator(_bytes),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
"""A size: a number of bytes, or text such as `300 MB` (a million bytes each) or `2 MiB` (1,048,576 each)."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]

OF_METRIC = ("at_least", "at_most", "above_baseline", "drop_at_most")
ALONE = ("bits", "seconds_at_most", "memory_at_most", "parameters_at_most", "file_at_most")


class Expectation(Spec):
    """One thing that a run has to reach: a bound of one metric on one split, or a bound of the run itself."""

    metric: str | None = None
    """What is measured: a name of the logs without `val_` (`loss`, `accuracy`), or one of an evaluation's
    numbers: `macro_f1`, `roc_auc`, `log_loss`, `mae`, `r2` and so on, after `OUTPUT_` where there are several
    outputs with such numbers."""
    split: Literal["train", "validation", "test"] | None = None
    """The split that it is measured on; default: test."""
    at_least: Number | None = None
    """The smallest value that will do."""
    at_most: Number | None = None
    """The largest value that will do."""
    above_baseline: Share | None = None
    """How much better than the baseline, which predicts the majority class or the mean, it has to be."""
    drop_at_most: Share | None = None
    """How much worse than the record's it may be."""
    by_epoch: Annotated[int, Field(ge=1)] | None = None
    """The epoch (from 1) by whose end the bound has to be reached; of `train` and `validation`, whose numbers
    the logs have for each epoch."""
    bits: Literal["same"] | None = None
    """The weights have to have the record's bits."""
    seconds_at_most: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """How long training may take."""
    memory_at_most: Bytes | None = None
    """How much memory training may need: what `plan` counts, and the most that its process held."""
    parameters_at_most: Count | None = None
    """How many parameters the model may have."""
    file_at_most: Bytes | None = None
    """How large `model.h5` may be."""

    @model_validator(mode="after")
    def _one_thing(self) -> Expectation:
        given = [name for name in (*OF_METRIC, *ALONE) if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"'{given[0]}' and '{given[1]}' are two expectations" if given else "it expects nothing"
            kinds = "one of " + ", ".join((*OF_METRIC, *ALONE))
            raise PydanticCustomError("expectation", "{what}", {"what": what, "expected": kinds})
        beside = [name for name in ("metric", "split", "by_epoch") if getattr(self, name) is not None]
        if given[0] in ALONE and beside:
            raise PydanticCustomError(
                "expectation",
                "'{what}' has no '{beside}'",
                {"what": given[0], "beside": beside[0], "expected": "each in an entry of its own"},
            )
        if given[0] in OF_METRIC and self.metric is None:
            raise PydanticCustomError(
                "expectation", "'{what}' of what?", {"what": given[0], "expected": "metric: NAME"}
            )
        if self.by_epoch is not None:
            self._has_epochs(given[0])
        return self

    def _has_epochs(self, bound: str) -> None:
        if bound not in ("at_least", "at_most"):
            raise PydanticCustomError(
                "expectation", "'by_epoch' goes with a bound", {"expected": "at_least or at_most"}
            )
        if self.on == "test":
            raise PydanticCustomError(
                "expectation",
                "the test split is measured once, at the end, and not by epochs",
                {"expected": "split: validation, or split: train"},
            )

    @property
    def on(self) -> Literal["train", "validation", "test"]:
        """The split of a metric."""
        return self.split or "test"

    @property
    def of(self) -> str:
        """The field that says what is expected."""
        return next(name for name in (*OF_METRIC, *ALONE) if getattr(self, name) is not None)

    @property
    def bound(self) -> Any:
        """Its value."""
        return getattr(self, self.of)

    @property
    def needs_record(self) -> bool:
        """Whether it compares with a record."""
        return self.of in ("drop_at_most", "bits")

    def words(self) -> str:
        """What is wanted, in one line."""
        bound = self.bound
        match self.of:
            case "bits":
                return "the record's bits"
            case "seconds_at_most":
                return f"at most {bound:g} s"
            case "memory_at_most":
                return f"at most {bound:,} bytes of memory"
            case "parameters_at_most":
                return f"at most {bound:,} parameters"
            case "file_at_most":
                return f"a model file of at most {bound:,} bytes"
            case "at_least" | "at_most" as way:
                wanted = f"{way.replace('_', ' ')} {bound:g}"
            case "above_baseline":
                wanted = f"better than the baseline by {bound:g}"
            case _:
                wanted = f"worse than the record by {bound:g} at most"
        by = f" by epoch {self.by_epoch}" if self.by_epoch is not None else ""
        return f"{self.metric} on {self.on}: {wanted}{by}"
