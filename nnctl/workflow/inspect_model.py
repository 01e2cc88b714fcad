"""`inspect`: what is in a model's file, without importing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.core.shapes import show
from nnctl.formats.imports.base import ArrayInfo, Imported
from nnctl.formats.keras.reading.found import Findings
from nnctl.graph.build import build
from nnctl.graph.model import LayerGraph
from nnctl.runs.image import MAGIC
from nnctl.runs.model_file import read_model as read_own
from nnctl.workflow.opened_model import opened_model, read_model
from nnctl.workflow.stored import open_stored


@record
class LayerShown:
    """A call of a layer; of one that is called a second time, no parameters."""

    name: str
    type: str
    output: str
    parameters: int


@record
class Inspected:
    """What a file holds.

    Attributes:
        format: nnctl's name for it.
        made_by: What wrote it, and how.
        layers: None where it holds weights alone, or a structure that cannot be read.
        problems: Why it could not be imported.
        notes: What would be left out or come otherwise.
    """

    file: str
    format: str
    made_by: str
    bytes: int
    layers: tuple[LayerShown, ...]
    arrays: tuple[ArrayInfo, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "file": self.file,
            "format": self.format,
            "made_by": self.made_by,
            "bytes": self.bytes,
            "layers": [
                {"name": a.name, "type": a.type, "output": a.output, "parameters": a.parameters}
                for a in self.layers
            ],
            "arrays": [{"path": a.path, "dtype": a.dtype, "shape": list(a.shape)} for a in self.arrays],
            "imports": not self.problems and bool(self.layers),
            "problems": [problem.as_json() for problem in self.problems],
            "notes": list(self.notes),
        }


def inspect_model(file: Path) -> Inspected:
    """What is in a file of nnctl or of another tool.

    Raises:
        ConfigError: it is of no format that is read.
        RunError: there is no such file, or it is damaged.
    """
    findings = Findings(file.name)
    with opened_model(file) as (format, opened):
        if opened.head.startswith(MAGIC):
            return _own(file, opened.size)
        name = type(format).__name__
        try:
            found = read_model(format, opened, findings)
        except ConfigError as error:
            if not findings.problems:
                raise
            # There were too many to read on.
            findings.problems = list(error.problems)
            found = Imported(f"of the format {name}, not read to its end")
        layers: tuple[LayerShown, ...] = ()
        if found.model is not None:
            try:
                # As an import starts from the file's own weights.
                layers = _layers(build(found.model.model_copy(update={"initial_weights": file.name})))
            except ConfigError as error:
                findings.problems += error.problems
        return Inspected(
            str(file),
            name,
            found.made_by,
            opened.size,
            layers,
            found.arrays,
            tuple(findings.problems),
            tuple(findings.notes),
        )


def _own(file: Path, size: int) -> Inspected:
    """A model or checkpoint of nnctl."""
    stored = open_stored(str(file))
    arrays = tuple(ArrayInfo(n, a.dtype.name, a.shape) for n, a in read_own(file).state.weights.items())
    versions = "nnctl, a run's model or checkpoint"
    return Inspected(str(file), "nnctl", versions, size, _layers(stored.model), arrays, (), ())


def _layers(graph: LayerGraph) -> tuple[LayerShown, ...]:
    shown = []
    for node in graph.nodes:
        # The weights of a layer that is called again have its first call's name.
        own = sum(info.size for info in graph.weights_of(node.name))
        shapes = ", ".join(map(show, node.output_shapes))
        shown.append(LayerShown(node.name, node.layer.kind, shapes, own))
    return tuple(shown)
