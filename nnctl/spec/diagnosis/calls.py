"""What an entry says about a call: which input of the layer reads what, and the arguments of a `use`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError, create_model

from nnctl.core.errors import Path, Problem, nearest
from nnctl.core.spec import Spec
from nnctl.layers.base import Layer
from nnctl.layers.entry import USE_KEYS
from nnctl.spec.diagnosis.expectation import one_of
from nnctl.spec.diagnosis.problems import problems_of
from nnctl.spec.language.annotations import field


def call_problems(layer: type[Layer], entry: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """What is wrong with how an entry calls a layer of this class."""
    inputs = entry.get("inputs")
    if isinstance(inputs, dict):
        yield from _input_names(layer, inputs, (*path, "inputs"))
    if "use" in entry:
        yield from _arguments(layer, entry, path)


def _input_names(layer: type[Layer], given: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    name, known = layer.__name__, layer.input_names()
    if not known:
        yield Problem(
            f"the inputs of {name} have no names", path, expected="inputs: a name, or a list of names"
        )
        return
    for key in given:
        if key not in known:
            yield Problem(
                f"{name} has no input '{key}'",
                (*path, key),
                expected=one_of(list(known)),
                suggestion=nearest(key, known),
                at_key=True,
            )
    for key in known[: layer.takes()[0]]:
        if key not in given:
            yield Problem(f"{name} needs '{key}'", path, expected=f"{key}: the name of an input or a layer")


def _arguments(layer: type[Layer], entry: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Unknown keys and wrong values beside `use`, told like those of any other mapping."""
    if not set(entry) - set(USE_KEYS):
        return
    fields: dict[str, Any] = dict.fromkeys(USE_KEYS, (Any, None))
    for name in layer.call_arguments():
        fields[name] = (field(layer, name), layer.model_fields[name].default)
    call = create_model("call", __base__=Spec, **fields)
    try:
        call.model_validate(entry)
    except ValidationError as error:
        data = {"type": f"a call of {layer.__name__}", **entry}
        for problem in problems_of(error, call, data):
            yield replace(problem, path=(*path, *problem.path))
