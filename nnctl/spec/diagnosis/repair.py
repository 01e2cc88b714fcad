"""What is left of a wrong config without its wrong parts, so that later checks may still look at it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import Problem, nearest
from nnctl.layers.base import Layer, layers
from nnctl.layers.entry import Entry
from nnctl.spec.language.names import IMPLIED_INPUT, Named, named_entries

_OPTIONAL = {
    "": frozenset(["name", "dtype", "exact_convolution"]),
    "data": frozenset(["batch_size", "shuffle"]),
    "training": frozenset(
        [
            "epochs",
            "optimizer",
            "loss_weights",
            "metrics",
            "weighted_metrics",
            "callbacks",
            "steps_per_epoch",
            "validation_frequency",
            "validation_batch_size",
            "class_weight",
            "checkpoint",
        ]
    ),
}
"""By section: what no shape, no column, no label and no name of an output depends on."""

_MEANT = frozenset(
    [
        "epochs",
        "optimizer",
        "learning_rate",
        "metrics",
        "callbacks",
        "steps_per_epoch",
        "checkpoint",
        "batch_size",
        "shuffle",
    ]
)
"""Unknown keys that are one of these words, or nearest to one, can be left out like the word itself."""

_LOGGED = frozenset(["metrics", "weighted_metrics"])
_NO_CALLBACK = "TerminateOnNaN"
"""Stands for a callback that is wrong, so that those behind it keep their places: it watches nothing."""


def repaired(data: Any, problems: Sequence[Problem]) -> tuple[Any, frozenset[int]] | None:
    """The config without what `problems` are about, and the entries of `model.layers` that are not known now.

    The rule: what a later check says must be wrong whatever the user meant where the problems are. So only
    these are left out, and None is returned (nothing more is checked) if there is any other problem:

    - optional settings that no shape, column or label depends on, and unknown keys that mean one of them;
    - single callbacks; all of them if a metric, whose name they may watch, or an unknown key is left out;
    - entries of `model.layers`. Their outputs, and those of all that reads them, count as not known, so that
      nothing is said of these. Not what may be an `Input` or may decide how one is read from the data, nor
      entries that are right by themselves: what is wrong there is in another one, which does not read them.
    """
    left = dict(data)
    for section in ("data", "model", "training"):
        if not isinstance(left.get(section), dict):
            return None
        left[section] = dict(left[section])
    unknown: set[int] = set()
    for problem in problems:
        match problem.path:
            case ("model", "layers", int(index), *rest) if rest or _wrong_itself(data, index):
                unknown.add(index)
            case ("training", "callbacks", int(index), *_):
                callbacks = list(left["training"].get("callbacks", ()))
                callbacks[index : index + 1] = [_NO_CALLBACK] * bool(callbacks)
                left["training"]["callbacks"] = callbacks
            case _ if not _left_out(left, problem):
                return None
    if unknown and not _stand_in(left, unknown):
        return None
    return left, frozenset(unknown)


def _left_out(left: dict[str, Any], problem: Problem) -> bool:
    """Leave out the setting that a problem is about, if that is safe."""
    section, mapping, path = "", left, problem.path
    if path[:1] in (("data",), ("training",)):
        section, path = str(path[0]), path[1:]
        mapping = left[section]
    key = str(path[0]) if path else ""
    if key not in _OPTIONAL[section]:
        if not problem.at_key or len(path) != 1 or not {problem.suggestion or key, key} & _MEANT:
            return False
        left["training"].pop("callbacks", None)
    elif key in _LOGGED:
        left["training"].pop("callbacks", None)
    mapping.pop(key, None)
    return True


def _wrong_itself(data: Any, index: int) -> bool:
    """Whether an entry's problem is in its own mapping, and not in what the entries below read."""
    try:
        Entry.model_validate(data["model"]["layers"][index])
    except ValidationError:
        return True
    return False


def _stand_in(left: dict[str, Any], unknown: set[int]) -> bool:
    """Put a layer without a type for each unknown one; every entry keeps the name it goes by."""
    model = left["model"]
    inputs = model.get("inputs") or {}
    columns = left["data"].get("inputs")
    if not isinstance(inputs, dict):
        return False
    implied = list(columns) if isinstance(columns, dict) else [IMPLIED_INPUT]
    entries = named_entries(model["layers"], list(inputs))
    declared = [*inputs, *(entry.name for entry in entries if entry.is_input)]
    if not declared:
        entries = named_entries(model["layers"], implied)
    known_inputs = {*declared, *implied}
    standing: list[Any] = []
    for index, entry in enumerate(entries):
        if index in unknown:
            first = index == 0 or entries[index - 1].is_input
            if not _safe(entry, first, known_inputs):
                return False
            standing.append({"layer": Layer(name=entry.name)})
        else:
            given = entry.raw if isinstance(entry.raw, dict) else {"type": entry.raw}
            standing.append({**given, "name": entry.name})
    model["layers"] = standing
    return True


def _safe(entry: Named, first: bool, inputs: set[str]) -> bool:
    """Whether the data is read in the same way, whatever this entry is meant to be."""
    inputs_too = [cls.__name__ for cls in layers.classes() if cls.is_input]
    if entry.use is None and (entry.type is None or nearest(entry.type, inputs_too)):
        return False
    layer = entry.layer
    told = layer is not None and not _may_look_up(layer)
    return told or not (first or any(name in inputs for _, name in entry.reads))


def _may_look_up(layer: type[Layer]) -> bool:
    """Whether layers of a class may read class numbers."""
    return layer.index_count is not Layer.index_count or layer.looks_up is not Layer.looks_up
