"""Rows of a table as a model's inputs, in C: the arithmetic of `data/feeding/feeds.py`, in doubles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from nnctl.core.records import record
from nnctl.data.preprocessing import CategoryPrep, ColumnPrep, InputPrep, NumberPrep, Preprocessing
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import comment, number, quoted, wrapped
from nnctl.formats.c.writer import Writer

helper(
    "prepare_numbers",
    """
/* y = (x - shift) / divide, missing ones (NAN) filled; the number of lanes says how many there are of
   those. Returns the place of the first value that nothing prepares for, -1 where there is none. */
static int prepare_numbers(const double *x, int count, const double *shift, const double *divide,
                           const double *fill, int lanes, double most, real *y) {
    int i;
    for (i = 0; i < count; i++) {
        const double value = x[i] != x[i] ? fill[i % lanes] : x[i];
        const double made = (value - shift[i % lanes]) / divide[i % lanes];
        if (!(fabs(value) <= most && fabs(made) <= most))
            return i;
        y[i] = (real)made;
    }
    return -1;
}
""",
)
helper(
    "prepare_whole",
    """
/* Whole numbers as they are; returns as `prepare_numbers`. */
static int prepare_whole(const double *x, int count, int32_t *y) {
    int i;
    for (i = 0; i < count; i++) {
        if (!(x[i] == floor(x[i]) && x[i] < 0x1p31 && x[i] >= -0x1p31))
            return i;
        y[i] = (int32_t)x[i];
    }
    return -1;
}
""",
)
helper(
    "find_word",
    """
/* The place of a word among the known ones, or what an unknown or a missing one (NULL) stands for. */
static int find_word(const char *word, const char *const *words, int count, int unknown, int missing) {
    int i;
    if (word == NULL)
        return missing;
    for (i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return unknown;
}
""",
)


@record
class Columns:
    """The columns of a model's inputs, in the order of the function's arguments.

    Attributes:
        numbers: How many numbers each has, by name.
        words: Names.
        window: Rows of an example; 1 where it is none.
    """

    numbers: Mapping[str, int]
    words: tuple[str, ...]
    window: int

    @property
    def count(self) -> int:
        """Numbers of a row."""
        return sum(self.numbers.values())

    def place(self, name: str) -> int:
        """The number of a column, from 1: what the function returns."""
        return 1 + [*self.numbers, *self.words].index(name)

    @property
    def arguments(self) -> str:
        """A row's, in C."""
        numbers = [f"const double numbers[{self.count}]"] if self.numbers else []
        words = [f"const char *const words[{len(self.words)}]"] if self.words else []
        return ", ".join([*(["int step"] if self.window > 1 else []), *numbers, *words])

    def told(self) -> Iterator[str]:
        """What the comment says of them."""
        at = 0
        named = []
        for name, width in self.numbers.items():
            named.append(f"{at} {name}" if width == 1 else f"{at} to {at + width - 1} {name}")
            at += width
        if named:
            yield from wrapped(f"numbers (NAN where one is missing): {', '.join(named)}")
        if self.words:
            listed = ", ".join(f"{i} {name}" for i, name in enumerate(self.words))
            yield from wrapped(f"words (UTF-8; NULL where one is missing): {listed}")


def columns_of(preprocessing: Preprocessing, inputs: Mapping[str, tuple[int, ...]]) -> Columns | str:
    """The columns of inputs of these shapes; or in words why C takes the inputs prepared."""
    if set(preprocessing.inputs) != set(inputs):
        return "the model's inputs have no columns"
    numbers: dict[str, int] = {}
    words: dict[str, None] = {}
    window = preprocessing.window.length if preprocessing.window is not None else 1
    for name, prep in preprocessing.inputs.items():
        width = 0
        for column, each in prep.columns.items():
            if isinstance(each, NumberPrep):
                numbers[column] = each.width
            elif isinstance(each, CategoryPrep):
                words[column] = None
            else:
                return f"the column '{column}' holds {_HELD[each.kind]}"
            width += each.width
        if width * window != prod(inputs[name]):
            return f"the input '{name}' has not the shape of its columns"
    if set(numbers) & set(words):
        return "a column is a number and a word"
    return Columns(numbers, tuple(words), window)


_HELD = {"hash": "words that are hashed", "time": "times", "text": "texts", "sequence": "sequences"}


class Preparation:
    """The function that makes a model's inputs of a row.

    Args:
        inputs: What they are called in C, with their C types, by name.
    """

    def __init__(
        self, w: Writer, name: str, columns: Columns, preprocessing: Preprocessing, inputs: Mapping[str, str]
    ) -> None:
        self.w, self.name, self.columns = w, name, columns
        self.preprocessing, self.inputs = preprocessing, inputs
        self.data: list[str] = []

    @property
    def prototype(self) -> str:
        """The function's."""
        made = []
        for name, prep in self.preprocessing.inputs.items():
            width = sum(each.width for each in prep.columns.values()) * self.columns.window
            made.append(f"{self.kind(prep)} {self.inputs[name]}[{width}]")
        return f"int {self.name}_prepare({', '.join([self.columns.arguments, *made])})"

    def kind(self, prep: InputPrep) -> str:
        """The C type of an input."""
        return "int32_t" if prep.dtype == "int32" else "double" if self.w.dtype == "float64" else "float"

    def body(self) -> Iterator[str]:
        """The function's lines."""
        for name, prep in self.preprocessing.inputs.items():
            width = sum(each.width for each in prep.columns.values())
            start = f"{self.inputs[name]} + step * {width}" if self.columns.window > 1 else self.inputs[name]
            at = 0
            for column, each in prep.columns.items():
                yield from self._column(column, each, prep, f"{start} + {at}" if at else start)
                at += each.width
        yield "return 0;"

    def _column(self, column: str, each: ColumnPrep, prep: InputPrep, to: str) -> Iterator[str]:
        wrong = self.columns.place(column)
        if isinstance(each, CategoryPrep):
            yield from self._word(self.columns.words.index(column), each, prep, to, wrong)
            return
        assert isinstance(each, NumberPrep)
        names = [*self.columns.numbers]
        at = sum(self.columns.numbers[n] for n in names[: names.index(column)])
        if prep.dtype == "int32":
            self.w.helpers.need("prepare_whole")
            call = f"prepare_whole(numbers + {at}, {each.width}, {to})"
        else:
            self.w.helpers.need("prepare_numbers")
            shift, divide, fill = (self._numbers(n, each) for n in (each.shift, each.divide, each.fill))
            most = number(float(np.finfo(self.w.dtype).max), "float64")
            lanes = max(len(each.shift), len(each.divide), len(each.fill or ()))
            given = f"numbers + {at}, {each.width}, {shift}, {divide}, {fill}, {lanes}, {most}"
            call = f"prepare_numbers({given}, {to})"
        yield f"if ({call} >= 0)"
        yield f"    return {wrong}; /* {comment(column)} */"

    def _numbers(self, values: tuple[float, ...] | None, each: NumberPrep) -> str:
        """An array with an entry for each lane; NAN where nothing fills."""
        lanes = max(len(each.shift), len(each.divide), len(each.fill or ()))
        wide = np.resize(np.array(values if values is not None else np.nan, np.float64), lanes)
        return self.w.constant(wide, "prepare", ("prepare", wide.tobytes()))

    def _word(self, at: int, each: CategoryPrep, prep: InputPrep, to: str, wrong: int) -> Iterator[str]:
        self.w.helpers.need("find_word")
        other = len(each.words) if each.other else -1
        missing = (
            each.words.index(each.fill) if each.fill is not None else other if each.missing_other else -1
        )
        unknown = other if each.unknown_other else -1
        words = self._words(each.words)
        given = f"words[{at}], {words}, {len(each.words)}, {unknown}, {missing}"
        yield "{"
        yield f"    const int place = find_word({given});"
        yield "    if (place < 0)"
        yield f"        return {wrong};"
        if each.encoding == "index":
            yield f"    *({to}) = ({self.kind(prep)})place;"
        else:
            yield "    int i;"
            yield f"    for (i = 0; i < {each.classes}; i++)"
            yield f"        ({to})[i] = i == place;"
        yield "}"

    def _words(self, words: tuple[str, ...]) -> str:
        name = f"words_{len(self.data)}"
        listed = "".join(f"    {quoted(word)},\n" for word in words)
        self.data.append(f"static const char *const {name}[{len(words)}] = {{\n{listed}}};")
        return name
