"""How columns become a model's inputs, in ONNX's operators: numbers are scaled, words become classes.

Numbers of a table come as doubles and are scaled as such: a mean may be far larger than what lies around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.data.preprocessing import CategoryPrep, ColumnPrep, InputPrep, NumberPrep, Preprocessing
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer
from nnctl.graph.model import InputInfo

_FLOAT, _INT64 = element_type("float32"), element_type("int64")


@record
class GivenInput:
    """An input of a file.

    Attributes:
        shape: Behind the batch; None is left open.
        columns: Which columns of the data it holds, side by side; none where it is prepared already.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    columns: tuple[str, ...] = ()


@record
class PlannedInput:
    """What a model's input is made of; `why` says what keeps it from being made of the data's own columns."""

    given: tuple[GivenInput, ...]
    why: str | None = None


_NO_OPERATORS = {
    "hash": "hashes of words",
    "time": "times",
    "text": "texts",
    "sequence": "sequences that are filled up",
}


def planned_inputs(model: TrainedModel) -> dict[str, PlannedInput]:
    """What a file takes for each of the model's inputs."""
    inputs = model.graph.inputs.items()
    return {name: _planned(name, info, model.preprocessing) for name, info in inputs}


def _planned(name: str, info: InputInfo, preprocessing: Preprocessing) -> PlannedInput:
    prep, window = preprocessing.inputs.get(name), preprocessing.window
    as_it_is = GivenInput(name, info.dtype, info.shape)
    if prep is None:
        return PlannedInput((as_it_is,))
    steps = (window.length,) if window is not None else ()
    unknown = [column.kind for column in prep.columns.values() if column.kind in _NO_OPERATORS]
    if unknown:
        return PlannedInput((as_it_is,), f"ONNX has no operators for {_NO_OPERATORS[unknown[0]]}")
    numbers = [column for column in prep.columns.values() if isinstance(column, NumberPrep)]
    arrays = [column.shape for column in numbers if column.shape]
    if arrays and len(prep.columns) > 1:
        return PlannedInput((as_it_is,), "its columns hold arrays of their own")
    whole = prep.dtype == "int32"
    if len(numbers) < len(prep.columns):
        types = {n: _type_in_table(column, whole) for n, column in prep.columns.items()}
        return PlannedInput(tuple(GivenInput(n, dtype, steps, (n,)) for n, dtype in types.items()))
    shape: tuple[int | None, ...] = (*steps, *(arrays[0] if arrays else (len(numbers),)))
    if None in info.shape:
        shape = info.shape
    dtype = "int32" if whole else "float32" if arrays else "float64"
    return PlannedInput((GivenInput(name, dtype, shape, tuple(prep.columns)),))


def _type_in_table(column: ColumnPrep, whole: bool) -> str:
    return "str" if isinstance(column, CategoryPrep) else "int32" if whole else "float64"


def write_inputs(
    model: TrainedModel, w: Writer, planned: Mapping[str, PlannedInput], called: Mapping[GivenInput, str]
) -> dict[str, str]:
    """Add how inputs are prepared; the names of the prepared ones.

    Args:
        called: What each input of the file is called.
    """
    found = {}
    for name, plan in planned.items():
        w.origin = name
        prep, first = model.preprocessing.inputs.get(name), plan.given[0]
        if prep is None or not first.columns:
            found[name] = called[first]
            continue
        if any(given.dtype == "str" for given in plan.given):
            parts = [_column(w, prep, given, called[given]) for given in plan.given]
            made, shape = (
                _side_by_side(w, prep, parts),
                (*first.shape, sum(c.width for c in prep.columns.values())),
            )
        else:
            made, shape = _numbers(w, prep, first, called[first]), first.shape
        found[name] = _shaped(w, made, shape, model.graph.inputs[name].shape)
    return found


def _shaped(w: Writer, name: str, found: tuple[int | None, ...], shape: tuple[int | None, ...]) -> str:
    """What is prepared, in the shape that the model takes."""
    known = tuple(n for n in shape if n is not None)
    return name if found == shape or len(known) < len(shape) else w.node("Reshape", name, w.ints(0, *known))


def _side_by_side(w: Writer, prep: InputPrep, parts: Sequence[str]) -> str:
    made = parts[0] if len(parts) == 1 else w.node("Concat", *parts, axis=-1)
    return w.node("Cast", made, to=element_type("int32")) if prep.dtype == "int32" else made


def _column(w: Writer, prep: InputPrep, given: GivenInput, name: str) -> str:
    """A column (B, ...) as numbers (B, ..., width): floats, or int64 for an input of whole numbers."""
    (column,) = (prep.columns[n] for n in given.columns)
    if not isinstance(column, CategoryPrep):
        wide = w.node("Unsqueeze", name, w.ints(-1))
        return w.node("Cast", wide, to=_INT64) if given.dtype == "int32" else _numbers(w, prep, given, wide)
    wide = w.node("Unsqueeze", _places(w, column, name), w.ints(-1))
    if column.encoding == "index":
        return wide if prep.dtype == "int32" else w.node("Cast", wide, to=_FLOAT)
    found = w.node("Equal", wide, w.constant(np.arange(column.classes, dtype=np.int64)))
    return w.node("Cast", found, to=_INT64 if prep.dtype == "int32" else _FLOAT)


def _places(w: Writer, prep: CategoryPrep, name: str) -> str:
    """The class of each word; "" is a missing one. For a word that is an error the run ends with one."""
    places = {word: at for at, word in enumerate(prep.words)}
    other, nowhere = len(prep.words), prep.classes
    if prep.fill is not None:
        places.setdefault("", places[prep.fill])
    else:
        places.setdefault("", other if prep.missing_other else nowhere)
    found = w.node(
        "LabelEncoder",
        name,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=other if prep.other and prep.unknown_other else nowhere,
    )
    return w.node("Gather", w.constant(np.arange(prep.classes, dtype=np.int64)), found, axis=0)


def _numbers(w: Writer, prep: InputPrep, given: GivenInput, name: str) -> str:
    """Numbers (B, ..., N), of as many columns or of one that holds arrays: filled, scaled, as floats."""
    if given.dtype == "int32":
        return name
    preps = [p for p in (prep.columns[n] for n in given.columns) if isinstance(p, NumberPrep)]
    shift, divide = _by_element([p.shift for p in preps]), _by_element([p.divide for p in preps])
    fill = _by_element([(np.nan,) if p.fill is None else p.fill for p in preps])
    alone = np.isnan(fill).all() and not shift.any()
    if given.dtype == "float32":
        if alone and len(set(divide)) == 1:
            return name if divide[0] == 1 else w.node("Div", name, w.number(divide[0]))
        name = w.node("Cast", name, to=element_type("float64"))
    if not np.isnan(fill).all():
        name = w.node("Where", w.node("IsNaN", name), w.constant(fill), name)
    if shift.any():
        name = w.node("Sub", name, w.constant(shift))
    if (divide != 1).any():
        name = w.node("Div", name, w.constant(divide))
    return w.node("Cast", name, to=_FLOAT)


def _by_element(numbers: Sequence[Sequence[float]]) -> Array:
    """One number for each element of the last axis, or one for all."""
    return np.concatenate([np.asarray(part, np.float64) for part in numbers])
