"""What was fitted on the training split: how columns become model inputs and targets. Plain JSON data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from nnctl.core.errors import RunError
from nnctl.core.fingerprint import SaltWord
from nnctl.core.spec import Spec, first_fault
from nnctl.data.base import Length
from nnctl.data.column_spec import TimeFormat
from nnctl.data.hash_fields import Bins
from nnctl.data.sample_weight import SampleWeight, weight_of
from nnctl.data.sequence_fields import BLANKS, End, FlatBy, Separator
from nnctl.data.spec import Boundaries, WindowSpec
from nnctl.data.splitting.trained_on import TrainedOn
from nnctl.data.table import Kind
from nnctl.data.text_fields import OutputMode, Split, Standardize, special
from nnctl.data.time_format import TimePart

Floats = tuple[float, ...]
StoredShape = tuple[Annotated[int, Field(ge=0, lt=1 << 31)] | None, ...]


class NumberPrep(Spec):
    """A column of numbers: missing values are filled, then y = (x - shift) / divide.

    `shift`, `divide` and `fill` have one entry, or one for each element of the last axis.
    """

    kind: Literal["number"] = "number"
    shape: tuple[int, ...] = ()
    """The shape of one value; () for a scalar."""
    scale: Literal["none", "divide", "standard", "minmax"] = "none"
    """standard: shift is the mean, divide the deviation. minmax: shift the minimum, divide the range."""
    shift: Floats = (0.0,)
    divide: Floats = (1.0,)
    fill: Floats | None = None
    """What replaces missing values; None if they are an error."""

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        fits = (1, *self.shape[-1:])
        numbers = [self.shift, self.divide, *([self.fill] if self.fill is not None else [])]
        if not all(0 <= n < 1 << 31 for n in self.shape) or len(self.shape) > 16:
            raise ValueError("no shape of an array")
        if not all(len(n) in fits and all(map(math.isfinite, n)) for n in numbers):
            raise ValueError("shift, divide and fill need a finite number, or one for each element")
        if 0 in self.divide:
            raise ValueError("it would divide by 0")
        return self

    @property
    def width(self) -> int:
        """How many numbers one value gives."""
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def identity(self) -> bool:
        """Whether values pass unchanged."""
        return self.fill is None and set(self.shift) == {0.0} and set(self.divide) == {1.0}


class CategoryPrep(Spec):
    """A column of words: each becomes its place in `words`, or a 0/1 vector."""

    kind: Literal["category"] = "category"
    words: tuple[str, ...]
    encoding: Literal["onehot", "index"] = "onehot"
    fill: str | None = None
    """The word that replaces missing values; None if they are an error (or go to `other`)."""
    other: bool = False
    """Whether there is a class of its own, after all others, for what is none of them."""
    missing_other: bool = False
    """Whether missing values go to that class."""
    unknown_other: bool = True
    """Whether words that training never saw go to that class; else they are an error."""

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if len(set(self.words)) < len(self.words):
            raise ValueError("a word stands there twice")
        if self.fill is not None and self.fill not in self.words:
            raise ValueError("what missing values are filled with is none of the words")
        return self

    @property
    def classes(self) -> int:
        """The number of classes, `other` included."""
        return len(self.words) + self.other

    @property
    def width(self) -> int:
        """How many numbers one value gives."""
        return self.classes if self.encoding == "onehot" else 1


class HashPrep(Spec):
    """A column of words: each becomes the bin of its hash, one in `num_bins`."""

    kind: Literal["hash"] = "hash"
    num_bins: Bins
    salt: tuple[SaltWord, SaltWord] | None
    """The key of SipHash; None: FarmHash."""
    mask_value: str | None
    """The word that has bin 0 for its own; None if no word has."""
    fill: str | None
    """The word that replaces missing values; None if they are an error."""

    @property
    def width(self) -> int:
        """How many numbers one value gives."""
        return 1


class TimePrep(Spec):
    """A column of times as text: each becomes some numbers, which are then prepared as an array of them."""

    kind: Literal["time"] = "time"
    parts: tuple[TimePart, ...]
    format: TimeFormat | None = None
    """How times are written; None: by ISO 8601."""
    numbers: NumberPrep

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if self.numbers.shape != (len(self.parts),):
            raise ValueError("a time becomes one number for each part")
        return self

    @property
    def width(self) -> int:
        """How many numbers one value gives."""
        return len(self.parts)


class TextPrep(Spec):
    """A column of texts: each is cut into tokens, which become numbers, or are counted."""

    kind: Literal["text"] = "text"
    standardize: Standardize | None
    split: Split
    ngrams: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    output_mode: OutputMode
    length: Length | None = None
    """How many numbers a text gives where they are those of its tokens."""
    words: Annotated[tuple[str, ...], Field(min_length=1)]
    """The known tokens in order; their numbers begin after those of padding and of unknown ones."""
    idf: Floats | None = None
    """What counts are multiplied by, the unknown tokens' first."""
    padded: Length | None = None
    """How many numbers a text gives where there are more than one per token."""
    fill: str | None = None
    """The text that replaces missing ones; None if they are an error."""

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if (self.output_mode == "int") != (self.length is not None):
            raise ValueError("numbers of tokens, and only they, have a length")
        if (self.output_mode == "tf_idf") != (self.idf is not None):
            raise ValueError("weights of tokens belong to tf_idf")
        if self.idf is not None and not (len(self.idf) == self.classes and all(map(math.isfinite, self.idf))):
            raise ValueError("each token has a finite weight")
        if self.padded is not None and self.padded < self.classes:
            raise ValueError("there are more tokens than numbers")
        return self

    @property
    def first(self) -> int:
        """The number of the first known token; that before it stands for unknown ones."""
        return len(special(self.output_mode))

    @property
    def classes(self) -> int:
        """How many numbers of tokens there are, padding and the unknown token included."""
        return self.first + len(self.words)

    @property
    def width(self) -> int:
        """How many numbers one text gives."""
        return self.length or self.padded or self.classes


class SequencePrep(Spec):
    """A column of sequences: the numbers of each step are prepared, then all are made of one length."""

    kind: Literal["sequence"] = "sequence"
    numbers: NumberPrep
    """How the numbers of one step are prepared; its shape is that of one step."""
    length: Length
    """How many steps each sequence has for the model."""
    padding: End
    truncating: End
    value: FiniteFloat
    """What shorter sequences are filled up with."""
    lengths: str | None = None
    """The column that says how long each sequence of an array is; None: they stand in cells, as text."""
    flat: FlatBy | None = None
    """What that column holds, where the array is one of all steps; None: the array has a row per sequence."""
    separator: Separator = BLANKS
    """What stands between the numbers of a cell."""
    markers: tuple[str, ...] = ()
    """What is written where a number is missing."""
    decimal: Annotated[str, Field(min_length=1, max_length=1)] = "."
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    empty: bool = False
    """Whether a missing cell is a sequence of no steps; else it is an error."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sequence."""
        return (self.length, *self.numbers.shape)

    @property
    def width(self) -> int:
        """How many numbers one sequence gives."""
        return self.length * self.numbers.width


ColumnPrep = Annotated[
    NumberPrep | CategoryPrep | HashPrep | TimePrep | TextPrep | SequencePrep, Field(discriminator="kind")
]


WeightPrep = Annotated[NumberPrep | SequencePrep, Field(discriminator="kind")]
"""How a column of sample weights is read."""


class InputPrep(Spec):
    """One model input: its columns side by side, in this order, in this shape."""

    columns: Annotated[dict[str, ColumnPrep], Field(min_length=1)]
    shape: StoredShape
    """The shape of one example."""
    dtype: Literal["float32", "int32"] = "float32"

    @model_validator(mode="after")
    def _step_by_step(self) -> Self:
        found = [prep for prep in self.columns.values() if isinstance(prep, SequencePrep)]
        if len({(prep.length, prep.padding, prep.truncating) for prep in found}) > 1:
            raise ValueError("sequences whose steps stand side by side are cut and filled up alike")
        return self

    @property
    def sequence(self) -> SequencePrep | TextPrep | None:
        """How the sequences, or the numbers of tokens, that it holds are prepared; None: it holds others.

        Of several columns of sequences, whose steps stand side by side, it is the first.
        """
        first, *others = self.columns.values()
        several = all(isinstance(prep, SequencePrep) for prep in (first, *others))
        if (others and not several) or not isinstance(first, SequencePrep | TextPrep) or not first.length:
            return None
        return first


class TargetPrep(Spec):
    """What one model output is trained towards."""

    columns: Annotated[dict[str, ColumnPrep], Field(min_length=1)]
    kind: Literal["number", "ids", "onehot"]
    """number: floats; ids: class numbers; onehot: a 0/1 vector an example."""
    shape: StoredShape
    """The shape of one example; () for one number."""
    class_names: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        spread = any(isinstance(c, CategoryPrep) and c.encoding == "onehot" for c in self.columns.values())
        if spread and self.kind != "onehot":
            raise ValueError("0/1 vectors are no class numbers")
        return self

    @property
    def numbers(self) -> list[NumberPrep] | None:
        """How the numbers of its columns are prepared; None where one of them holds others."""
        found = [p.numbers if isinstance(p, SequencePrep) else p for p in self.columns.values()]
        numbers = [p for p in found if isinstance(p, NumberPrep)]
        return numbers if len(numbers) == len(found) else None

    @property
    def dtype(self) -> Literal["float32", "int32"]:
        """int32 for class numbers, else float32."""
        return "int32" if self.kind == "ids" else "float32"


class Preprocessing(Spec):
    """All that `eval`, `predict` and exports need to treat other files as training treated its own."""

    version: Literal[1] = 1
    inputs: dict[str, InputPrep]
    targets: dict[str, TargetPrep]
    sample_weight: SampleWeight | None = None
    weights: dict[str, WeightPrep] = {}
    """By model output: how the column of its sample weights is read."""
    window: WindowSpec | None = None
    bucket_boundaries: Boundaries = ()
    """None where all sequences are filled up to one length."""
    reader: dict[str, Any] = {}
    """How the training file was read (type, delimiter, header, missing markers)."""
    trained_on: TrainedOn = TrainedOn()
    """The files that it was fitted on."""

    @model_validator(mode="after")
    def _weighs_targets(self) -> Self:
        weighed = self.sample_weight if isinstance(self.sample_weight, dict) else {}
        if not {*weighed, *self.weights} <= self.targets.keys():
            raise ValueError("sample weights of an output without a target")
        return self

    def varies(self, name: str) -> bool:
        """Whether the length of a model input is another in batches of another bucket."""
        return bool(self.bucket_boundaries) and self.inputs[name].sequence is not None

    @classmethod
    def from_data(cls, data: Any) -> Preprocessing:
        """What `config()` gave, as a model file holds it; a stranger may have written it.

        Raises:
            RunError: it is something else.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            why = first_fault(error)
        except RecursionError:
            why = "it is nested too deep"
        raise RunError(f"the stored preprocessing is not as it should be: {why}")

    def weight_of(self, output: str) -> tuple[str, WeightPrep] | None:
        """The column that weighs an output, and how it is read; None where all counts 1."""
        column = weight_of(self.sample_weight, output)
        return None if column is None else (column, self.weights.get(output, NumberPrep()))

    def weight_axes(self, output: str) -> int:
        """How many axes of an output have a weight at each place: none where an example has one weight."""
        found = self.weight_of(output)
        if found is None:
            return 0
        prep = found[1]
        return len(
            self.weight_shape(prep, prep.numbers.shape if isinstance(prep, SequencePrep) else prep.shape)
        )

    def weight_shape(self, prep: WeightPrep, value: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an example's weights, where a value (or a step) of their column has the shape `value`.

        A last axis of length 1 is none, as in Keras.
        """
        steps = (prep.length,) if isinstance(prep, SequencePrep) else ()
        if self.window is not None and self.window.targets == "each":
            steps = (self.window.length,)
        return (*steps, *(value[:-1] if value[-1:] == (1,) else value))

    @property
    def class_names(self) -> dict[str, tuple[str, ...]]:
        """The classes' names by model output, for outputs whose labels are words."""
        return {name: t.class_names for name, t in self.targets.items() if t.class_names is not None}

    @property
    def lengths(self) -> tuple[str, ...]:
        """The columns that say how long the sequences of inputs are."""
        return _lengths(self.inputs.values())

    @property
    def target_lengths(self) -> tuple[str, ...]:
        """The columns that say how long the sequences of targets, and of their weights, are."""
        return (*_lengths(self.targets.values()), *_lengths_of(self.weights.values()))

    def kind_of(self, column: str) -> Kind | None:
        """What a column was in training; None for a column that had no part in it.

        Ids that keep series apart are words, whatever they look like: a part of a file may hold only digits.
        """
        roles: list[InputPrep | TargetPrep] = [*self.inputs.values(), *self.targets.values()]
        for role in roles:
            if column in role.columns:
                kind = role.columns[column].kind
                return "category" if kind == "hash" else kind
        for output in self.targets:
            if (weighing := self.weight_of(output)) is not None and weighing[0] == column:
                return weighing[1].kind
        if column in (*self.lengths, *self.target_lengths):
            return "number"
        return "category" if self.window is not None and column == self.window.group else None


def _lengths(roles: Iterable[InputPrep | TargetPrep]) -> tuple[str, ...]:
    """The columns that say how long the sequences of others are."""
    return _lengths_of(prep for role in roles for prep in role.columns.values())


def _lengths_of(preps: Iterable[ColumnPrep]) -> tuple[str, ...]:
    """As `_lengths`, of columns."""
    return tuple(p.lengths for p in preps if isinstance(p, SequencePrep) and p.lengths is not None)
