"""What a config may say about its data: sources, roles of columns, preparation, split, batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nnctl.core.spec import Spec
from nnctl.data.base import OneSource, sources
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.sample_weight import SampleWeight

ONLY = "*"
"""Stands for the model's only input, where `inputs` lists columns without naming a model input."""


def _as_names(value: Any) -> Any:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(n, str) for n in names):
        raise PydanticCustomError("columns", "expected a column's name or a list of names")
    return tuple(names)


def _as_inputs(value: Any) -> Any:
    return {ONLY: value} if isinstance(value, str | list) else value


def _exclusions(value: Any) -> Any:
    """`"!id":` says which inputs no pattern reaches; there is nothing to say about them."""
    if not isinstance(value, dict):
        return value
    for name, column in value.items():
        if str(name).startswith("!") and column not in (None, {}):
            raise PydanticCustomError(
                "exclusion", "'{name}' keeps patterns away from columns; it takes no fields", {"name": name}
            )
    return {n: {} if str(n).startswith("!") else column for n, column in value.items()}


def _one_or_many(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_names),
    PlainSerializer(_one_or_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One column or several; `p*` stands for all that match, `!p*` leaves out those that do."""

Inputs = Annotated[
    dict[str, Names] | None,
    BeforeValidator(_as_inputs),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "null"]},
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
                    },
                },
            ]
        }
    ),
]


def _portion(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, float) and 0 <= value < 1:
        return value
    raise PydanticCustomError("portion", "expected a fraction between 0 and 1, or a number of rows")


Portion = Annotated[int | float, PlainValidator(_portion), WithJsonSchema({"type": "number", "minimum": 0})]


class SplitSpec(Spec):
    """How one table becomes training, validation and test rows. The same seed gives the same split."""

    validation: Portion = 0
    """Fraction or number of rows for validation."""
    test: Portion = 0
    """Fraction or number of rows for the test."""
    stratify: str | None = None
    """Keep the proportions of this column's classes in every split."""
    by: str | None = None
    """A column that says train, validation or test for each row."""
    group: str | None = None
    """Rows with the same value in this column stay together in one split."""
    order: Literal["random", "rows"] | None = None
    """Which rows: drawn at random (the default), or by position: training first, then validation, then test
    (the default for windows)."""
    folds: Annotated[int, Field(ge=2, le=1000)] | None = None
    """Cut the rows into so many folds, of which one is tested; `nnctl train --folds` trains one run for each.
    `stratify`, `group` and `order` say how they are cut; `validation` is cut out of the other rows."""
    fold: PositiveInt | None = None
    """The fold that is the test split, from 1. The others are trained on; by position, those before it."""

    @model_validator(mode="after")
    def _agree(self) -> SplitSpec:
        chosen = [n for n in ("stratify", "by", "group") if getattr(self, n)]
        if len(chosen) > 1:
            raise PydanticCustomError(
                "split", "'{a}' and '{b}' exclude each other", {"a": chosen[0], "b": chosen[1]}
            )
        if self.by and (self.validation or self.test):
            raise PydanticCustomError("split", "'by' says every row's split; leave out the fractions")
        if self.order == "rows" and chosen:
            raise PydanticCustomError("split", "'order: rows' and '{a}' exclude each other", {"a": chosen[0]})
        self._one_fold()
        fractions = [p for p in (self.validation, self.test) if isinstance(p, float)]
        if sum(fractions) >= 1:
            raise PydanticCustomError("split", "validation and test leave nothing to train on")
        return self

    def _one_fold(self) -> None:
        if (self.folds is None) != (self.fold is None):
            raise PydanticCustomError(
                "split", "'folds' and 'fold' go together", {"expected": "both, or `nnctl train --folds`"}
            )
        if self.folds is None or self.fold is None:
            return
        if self.fold > self.folds:
            raise PydanticCustomError(
                "split", "there are {n} folds, and no fold {i}", {"n": self.folds, "i": self.fold}
            )
        for name in ("test", "by"):
            if getattr(self, name):
                raise PydanticCustomError(
                    "split", "'{a}' and 'folds' exclude each other: a fold is the test split", {"a": name}
                )


def _rows(length: int) -> int:
    if length >= 1 << 31:
        raise PydanticCustomError(
            "window", "no data is long enough for windows of {rows} rows", {"rows": length}
        )
    return length


class WindowSpec(Spec):
    """Rows in order of time become overlapping windows: `length` rows in, the target `horizon` rows later."""

    length: Annotated[PositiveInt, AfterValidator(_rows)]
    """Rows in a window."""
    stride: PositiveInt = 1
    """Rows from the start of one window to the start of the next."""
    horizon: Annotated[int, Field(ge=0)] = 1
    """How many rows after the window's last row the target stands; 0 is the last row itself."""
    targets: Literal["last", "each"] = "last"
    """`last`: a window has one target; `each`: every row of it has its own, `horizon` rows later, so that a
    model that gives one output per step learns from all of them."""
    group: str | None = None
    """A column whose value changes where one series ends and the next begins; no window crosses that."""

    @property
    def last_target(self) -> int:
        """How many rows after a window's first row its last target stands."""
        return self.length - 1 + self.horizon


def _growing(boundaries: tuple[int, ...]) -> tuple[int, ...]:
    if list(boundaries) != sorted(set(boundaries)):
        raise PydanticCustomError("buckets", "'bucket_boundaries' must grow")
    return boundaries


Boundaries = Annotated[tuple[Annotated[int, Field(ge=2, lt=1 << 31)], ...], AfterValidator(_growing)]
"""Lengths of sequences at which a new bucket begins."""


class BatchingSpec(Spec):
    """Which examples stand side by side in a batch, by the words of tf.data's bucket_by_sequence_length."""

    bucket_boundaries: Annotated[Boundaries, Field(min_length=1)]
    """Lengths at which a new bucket begins: [17, 33] makes batches of sequences of up to 16 steps, of 17 to
    32, and of longer ones. A batch is only filled up to the longest that its bucket holds."""

    bucket_batch_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] | None = None
    """Examples in a step of each bucket, one more than there are boundaries; default: `batch_size`."""

    @model_validator(mode="after")
    def _agree(self) -> BatchingSpec:
        sizes, buckets = self.bucket_batch_sizes, len(self.bucket_boundaries) + 1
        if sizes is not None and len(sizes) != buckets:
            raise PydanticCustomError(
                "buckets",
                "'bucket_batch_sizes' are {given}, but there are {buckets} buckets",
                {"given": len(sizes), "buckets": buckets},
            )
        return self


class DataSpec(Spec):
    """The `data` section of a config."""

    source: Annotated[Any, OneSource(sources)] = None
    """Where the data is: a mapping with `type`, or a path."""
    train: Annotated[Any, OneSource(sources)] = None
    """The training data, where each split has a source of its own."""
    validation: Annotated[Any, OneSource(sources)] = None
    """The validation data."""
    test: Annotated[Any, OneSource(sources)] = None
    """The test data."""
    inputs: Inputs = None
    """Model input <- column or columns. Default: the one input takes every column without another role."""
    target: Names | None = None
    """The column to predict, for a model with one output."""
    targets: dict[str, Names] | None = None
    """Model output <- column, for several outputs."""
    sample_weight: SampleWeight | None = None
    """A column that weighs the loss of each example or step, or one by model output (outputs left out: 1)."""
    columns: Annotated[dict[str, ColumnSpec], BeforeValidator(_exclusions)] = {}
    """How columns are prepared, by name; `p*` stands for all inputs that match, `"!p*":` keeps those out."""
    split: SplitSpec | None = None
    """How the rows are split."""
    window: WindowSpec | None = None
    """Make windows of rows in order of time."""
    batch_size: PositiveInt = 32
    """Examples in a step."""
    batching: BatchingSpec | None = None
    """Batches of sequences of about the same length."""
    shuffle: bool | Literal["batch"] | Annotated[int, Field(ge=2)] = True
    """Whether training sees the examples in a new random order each epoch. For data that stays on a disk:
    a number (they are mixed within windows of so many), or `batch` (neighbours stay in one batch)."""

    @property
    def mixed_within(self) -> int:
        """How many examples are mixed at a time; 0: not so many at a time."""
        return 0 if isinstance(self.shuffle, bool | str) else self.shuffle

    @model_validator(mode="after")
    def _agree(self) -> DataSpec:
        if (self.source is None) == (self.train is None):
            raise PydanticCustomError(
                "data", "needs either 'source', or 'train' (with 'validation' and 'test')"
            )
        if self.source and (self.validation or self.test):
            raise PydanticCustomError(
                "data",
                "'source' is split by 'split'; with a source for each split, call the first one 'train'",
            )
        named = [n for n in ("target", "targets") if getattr(self, n)]
        if self.main.target:
            named.append("source.target")
        if len(named) > 1:
            raise PydanticCustomError(
                "data", "'{a}' and '{b}' say the same thing twice", {"a": named[0], "b": named[1]}
            )
        for name in ("validation", "test"):
            other = getattr(self, name)
            if other is not None and other.target not in (None, self.main.target):
                raise PydanticCustomError("data", "'{name}' has another target than 'train'", {"name": name})
        if self.split and self.train:
            for name in ("validation", "test"):
                if getattr(self, name) and getattr(self.split, name):
                    raise PydanticCustomError(
                        "data", "'{n}' has a source, but 'split' makes another", {"n": name}
                    )
            if self.split.folds and self.test:
                raise PydanticCustomError("data", "'test' has a source, but a fold is the test split")
            if self.split.by and (self.validation or self.test):
                raise PydanticCustomError("data", "'split.by' and a source for each split exclude each other")
        if self.window and self.split and (self.split.stratify or self.split.order == "random"):
            raise PydanticCustomError("data", "windows are split by time (or by: or group:), not at random")
        return self

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Where buckets of sequences begin; none where all have one length."""
        return self.batching.bucket_boundaries if self.batching is not None else ()

    @property
    def main(self) -> Any:
        """The source that training rows come from."""
        return self.train if self.source is None else self.source

    @property
    def windows(self) -> WindowSpec | None:
        """The windows as they are made: a column that groups the split separates series as well."""
        if self.window is None or self.window.group or not (self.split and self.split.group):
            return self.window
        return self.window.model_copy(update={"group": self.split.group})

    def parts(self) -> dict[str, Any]:
        """Every source by its field's name."""
        names = ("source", "train", "validation", "test")
        return {n: getattr(self, n) for n in names if getattr(self, n) is not None}
