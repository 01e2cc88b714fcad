"""Exported files run by ONNX Runtime beside nnctl's own predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime

from nnctl.core.arrays import Array
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.onnx.imported import imported
from nnctl.formats.onnx.model import onnx_file
from nnctl.graph.build import build
from nnctl.spec.output.short import short_model
from tests.formats.models import Model, exportable

TOLERANCE = 1e-5
"""Of the largest magnitude."""


def session(data: bytes) -> Any:
    """A file as ONNX Runtime opens it, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def read(data: bytes) -> tuple[Model, dict[str, Any], list[str]]:
    """The model of a file, its section as a config has it, and what was noted; not yet a run."""
    findings = Findings("m.onnx")
    found = imported(data, "m.onnx", findings)
    findings.check()
    assert found.model is not None
    assert found.weights is not None
    graph = build(found.model)
    weights = dict(found.weights(found.model, graph, "float32", findings))
    findings.check()
    return Model(found.model, graph, weights), short_model(found.model), findings.notes


def outputs(data: bytes, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime gives."""
    opened = session(data)
    names = [output.name for output in opened.get_outputs()]
    return dict(zip(names, opened.run(names, dict(inputs)), strict=True))


def same(
    made: Model, batches: Iterable[int] = (3, 1, 7), lengths: Iterable[int] = (6,), largest: int = 3
) -> Any:
    """Hold that a model's file gives what nnctl gives, with these batches and lengths; the file, parsed."""
    data = onnx_file(exportable(made))
    opened = session(data)
    names = [output.name for output in opened.get_outputs()]
    for batch in batches:
        for length in lengths:
            inputs = made.inputs(batch=batch, lengths=length, largest=largest)
            agree(made.predict(inputs), dict(zip(names, opened.run(names, inputs), strict=True)))
    return onnx.load_from_string(data)


def agree(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> None:
    """Hold that outputs are the same."""
    assert len(ours) == len(theirs)
    for (name, y), found in zip(ours.items(), theirs.values(), strict=True):
        scale = float(np.abs(y[np.isfinite(y)]).max(initial=0))
        np.testing.assert_allclose(found, y, rtol=0, atol=TOLERANCE * max(scale, 1e-6), err_msg=name)


def operators(file: Any) -> list[str]:
    """The operators of a file, in order."""
    return [node.op_type for node in file.graph.node]
