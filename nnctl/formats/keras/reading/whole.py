"""What a file of Keras describes and holds, put together for `nnctl import`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import ConfigError
from nnctl.core.spec import first_fault
from nnctl.formats.imports.base import ArrayInfo, Imported, Weights
from nnctl.formats.keras.reading.charts import read_chart
from nnctl.formats.keras.reading.compiled import read_compiled
from nnctl.formats.keras.reading.entries import Structure, read_structure
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.parts import Part
from nnctl.formats.keras.reading.weights import LegacyFile, read_legacy, read_weights
from nnctl.formats.keras.scopes import Scope, read_scope
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec
from nnctl.storage.hdf5_reader import Hdf5Reader


def described(config: Any, compiled: Any, findings: Findings, *, made_by: str, version: int = 0) -> Imported:
    """The model that a config of Keras describes.

    Args:
        compiled: What it was compiled with; None where it was not.
        version: Of the Keras that wrote it; 0 where the config shows it.
    """
    chart = read_chart(config, "", findings, version)
    if chart is None:
        return Imported(made_by)
    structure = read_structure(chart, findings)
    section = structure.section()
    if (values := _values(section)) > MOST_VALUES:
        findings.refuse("the model", f"{values:,} arguments are more than a config has ({MOST_VALUES:,})")
    model = None if findings.problems else _valid(structure, section, findings)
    dtype = "float64" if structure.dtypes == {"float64"} else "float32"
    if len(structure.dtypes) > 1:
        findings.note(
            "dtype", f"layers compute in {' and '.join(sorted(structure.dtypes))}: here all in float32"
        )
    training = read_compiled(compiled, structure.outputs, findings)
    return Imported(made_by, chart.name, model, training, dtype, layers=structure.parts)


MOST_VALUES = 40_000
"""How many values a model's section has at the most; a large network has ten thousand."""


def _values(value: Any) -> int:
    """The values in a section, those in lists and mappings counted one by one."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values, parts))


def _valid(structure: Structure, section: dict[str, Any], findings: Findings) -> ModelSpec | None:
    try:
        return ModelSpec.model_validate(section)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
            at = fault["loc"]
            name = _layer_at(structure.layers, at)
            words = ".".join(
                str(part)
                for part in at
                if part != "layers" and not isinstance(part, int) and part != "(layer)"
            )
            message = fault["msg"].removeprefix("Value error, ")
            findings.refuse(name, f"{words}: {message}" if words else message)
        if not findings.problems:
            findings.refuse("the model", first_fault(error))
        return None


def _layer_at(layers: list[dict[str, Any]], path: tuple[int | str, ...]) -> str:
    """The names of the layers that a path into the section goes through."""
    names: list[str] = []
    at: Any = {"layers": layers}
    for part in path:
        if isinstance(at, dict) and part == "layers":
            at = at.get("layers")
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
            names.append(str(at.get("name", part)) if isinstance(at, dict) else str(part))
    return f"the layer '{'/'.join(names)}'" if names else "the model"


def weights_of(found: Imported, reader: Hdf5Reader, findings: Findings) -> Imported:
    """The same with the weights that an HDF5 file holds, of whichever layout."""
    arrays = tuple(ArrayInfo(path, *_described(reader, path)) for path in reader.arrays())
    root = "model_weights" if reader.has("model_weights") else ""
    legacy = any(reader.attribute(root, name) is not None for name in ("layer_names", "layer_names0"))

    def weights(spec: ModelSpec, graph: LayerGraph, dtype: str, findings: Findings) -> Weights:
        scope = _scope(spec, graph, dtype, found, findings)
        if not legacy:
            return read_weights(reader, scope, graph, dtype, findings)
        file = LegacyFile(reader, root, findings)
        return read_legacy(file, found.layers, scope, graph, dtype, findings)

    if root and reader.has("optimizer_weights"):
        findings.note("optimizer_weights", "its state is left in the file: training begins with a new one")
    return replace(found, weights=weights, arrays=arrays)


def _described(reader: Hdf5Reader, path: str) -> tuple[str, tuple[int, ...]]:
    dtype, shape = reader.describe(path)
    return dtype.name, shape


def _scope(spec: ModelSpec, graph: LayerGraph, dtype: str, found: Imported, findings: Findings) -> Scope:
    """The model as Keras sees it; what it would do otherwise than nnctl is refused."""
    try:
        scope = read_scope(spec, graph, dtype)
    except ConfigError as error:
        for problem in error.problems:
            findings.refuse("the model", problem.message, problem.expected)
        findings.check()
        raise
    _as_in_file(scope, found.layers, findings)
    findings.check()
    return scope


def _as_in_file(scope: Scope, parts: Mapping[str, Part], findings: Findings) -> None:
    """Take over what only the file knows: classes, the order of layers; refuse masks that Keras drops."""
    known = {name: parts[member.path] for name, member in scope.parts.items() if member.path in parts}
    if not any(part.entries for part in known.values()):  # what nnctl wrote is in the order of its config
        scope.order = tuple(sorted(known, key=lambda name: known[name].number))
    for name, member in scope.parts.items():
        if member.inner is not None:
            _as_in_file(member.inner, parts, findings)
        if name not in known:
            continue
        member.class_name = known[name].called
        if any(member.entries[call][0] in known[name].unmasked for call in member.masks):
            findings.refuse(
                known[name].place,
                "Keras 3 drops the mask of a sequence that comes with initial states, which nnctl heeds",
                "a call of it with mask=..., saved anew",
            )
