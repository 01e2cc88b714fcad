"""Names across sections: a model's inputs and outputs, and what `data` and `training` say by their names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from nnctl.core.errors import Path, Problem, nearest
from nnctl.data.spec import ONLY
from nnctl.spec.diagnosis.expectation import one_of
from nnctl.spec.diagnosis.layer_list import LayerList
from nnctl.spec.language.annotations import value_at
from nnctl.spec.language.class_weight import goes_by_output
from nnctl.spec.language.names import IMPLIED_INPUT, named_entries, wrong_name
from nnctl.spec.yaml.document import Document

MOST = 200
"""So many problems of a kind are reported; a config with more is no config."""

_BY_OUTPUT = ("loss", "loss_weights", "metrics", "weighted_metrics", "class_weight")


def name_problems(document: Document, model: Path = ("model",)) -> list[Problem]:
    """Every problem with names in the model at `model`, and with names of outputs in other sections."""
    section = value_at(document.data, model)
    if not isinstance(section, dict) or not isinstance(section.get("layers"), list):
        return []
    scope, declared = _scope(document, model, section)
    problems = list(_input_names(model, section))
    problems += islice(scope.problems(), MOST)
    wrong_outputs = list(scope.outputs((*model, "outputs"), section.get("outputs")))
    problems += wrong_outputs
    if not problems:
        problems += _first_reads(scope)
        problems += islice(_unread(scope, section.get("outputs"), declared, model), MOST)
    if not wrong_outputs and len(model) == 1:
        problems += islice(_by_output(document.data, _outputs(scope, section.get("outputs"))), MOST)
    if declared and len(model) == 1:
        problems += islice(_by_input(document.data, declared), MOST)
    return problems


def _scope(document: Document, model: Path, section: dict[str, Any]) -> tuple[LayerList, list[str]]:
    """The model's namespace and the names of the inputs it declares."""
    declared = list(section["inputs"]) if isinstance(section.get("inputs"), dict) else []
    entries = named_entries(section["layers"], declared)
    here = [entry.name for entry in entries if entry.is_input]
    inputs = declared if declared or here else _implied(document.data)
    if inputs != declared:
        entries = named_entries(section["layers"], inputs)
    return LayerList(document, (*model, "layers"), entries, inputs), declared + here


def _implied(data: Any) -> list[str]:
    columns = value_at(data, ("data", "inputs"))
    return list(columns) if isinstance(columns, dict) and columns else [IMPLIED_INPUT]


def _input_names(model: Path, section: dict[str, Any]) -> Iterator[Problem]:
    for name in section["inputs"] if isinstance(section.get("inputs"), dict) else ():
        wrong = wrong_name(name)
        if wrong:
            yield Problem(f"'{name}' cannot be a name: {wrong}", (*model, "inputs", name), at_key=True)


def _first_reads(scope: LayerList) -> Iterator[Problem]:
    """The first entry has nothing before it: with several inputs it must say which it reads."""
    if not scope.entries or len(scope.inputs) < 2:
        return
    first = scope.entries[0]
    if not first.is_input and not first.says_inputs:
        message = f"the first entry must say what it reads: there are {len(scope.inputs)} inputs"
        expected = f"inputs: {one_of(scope.inputs)}, or a list of them"
        yield Problem(message, (*scope.path, 0), expected=expected)


def _unread(scope: LayerList, outputs: Any, declared: list[str], model: Path) -> Iterator[Problem]:
    """Entries and inputs that lead nowhere: a forgotten name somewhere below.

    A layer that `use` calls again may be there only for its weights.
    """
    used = set(_read_names(scope))
    used |= {name.partition(":")[0] for name in _outputs(scope, outputs)}
    used |= {entry.use for entry in scope.entries if entry.use is not None}
    for index, entry in enumerate(scope.entries):
        if entry.name not in used:
            message = f"nothing reads '{entry.name}', and it is no output"
            path: Path = (*scope.path, index)
            yield Problem(message, path, expected=f"an entry with `inputs: {entry.name}`, or one less entry")
    for name in scope.inputs:
        if name in declared and name not in used:
            yield Problem(f"nothing reads the input '{name}'", (*model, "inputs", name), at_key=True)


def _read_names(scope: LayerList) -> Iterator[str]:
    (before,) = scope.inputs if len(scope.inputs) == 1 else [None]
    for entry in scope.entries:
        if entry.says_inputs:
            yield from (name.partition(":")[0] for _, name in entry.reads)
        elif not entry.is_input and before is not None:
            yield before
        before = entry.name


def _outputs(scope: LayerList, given: Any) -> list[str]:
    listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    last = [scope.entries[-1].name] if scope.entries else []
    return [name for name in listed if isinstance(name, str)] or last


def _by_output(data: Any, outputs: list[str]) -> Iterator[Problem]:
    """Keys that should be output names, in `training` and in `data`."""
    paths: list[Path] = [("training", key) for key in _BY_OUTPUT]
    for path in (*paths, ("data", "targets"), ("data", "sample_weight")):
        given = value_at(data, path)
        if not isinstance(given, dict) or (path[0] == "training" and "type" in given):
            continue
        if path[-1] == "class_weight" and not goes_by_output(given):
            continue
        for name in given:
            if name not in outputs:
                yield _no_such("output", name, outputs, (*path, name))
        for name in outputs:
            if name not in given and path[-1] == "loss":
                yield Problem(f"the output '{name}' has no loss", path, expected=f"{name}: a loss, or null")


def _by_input(data: Any, inputs: list[str]) -> Iterator[Problem]:
    given = value_at(data, ("data", "inputs"))
    for name in given if isinstance(given, dict) else ():
        # A stored config calls the only input so where its own did not name it.
        if name not in inputs and name != ONLY:
            yield _no_such("input", name, inputs, ("data", "inputs", name))


def _no_such(what: str, name: str, known: list[str], path: Path) -> Problem:
    return Problem(
        f"the model has no {what} '{name}'",
        path,
        expected=one_of(known),
        suggestion=nearest(name, known),
        at_key=True,
    )
