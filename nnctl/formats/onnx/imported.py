"""What an ONNX file holds, as `nnctl import` takes it."""

from __future__ import annotations

import numpy as np
from pydantic import ValidationError

from nnctl.core.arrays import Array
from nnctl.core.spec import first_fault
from nnctl.formats.imports.base import ArrayInfo, Imported, Weights
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.onnx.read_constants import computed
from nnctl.formats.onnx.read_file import read_graph
from nnctl.formats.onnx.reading import Reading
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec


def imported(data: bytes, file: str, findings: Findings) -> Imported:
    """A file's model; what does not come over is told to `findings`.

    Raises:
        RunError: it is damaged, or has what is not read.
    """
    graph = read_graph(data, file)
    reading = Reading(graph, findings)
    outputs = reading.read(computed)
    section = {"inputs": reading.inputs, "layers": reading.entries, "outputs": outputs}
    model = None
    if not findings.problems:
        try:
            model = ModelSpec.model_validate(section)
        except ValidationError as error:
            findings.refuse("the model", first_fault(error))

    def weights(spec: ModelSpec, built: LayerGraph, dtype: str, findings: Findings) -> Weights:
        found: dict[str, Array] = {}
        given = {f"{layer}/{name}": a for layer, own in reading.weights.items() for name, a in own.items()}
        for name, info in built.weights.items():
            array = given.pop(name, None)
            if array is None:
                findings.refuse(name, "the file has no such weight")
            elif array.shape != tuple(info.weight.shape):
                findings.refuse(name, f"is {list(array.shape)}, but nnctl's is {list(info.weight.shape)}")
            else:
                found[name] = np.asarray(array, dtype, order="C")
        for name in given:
            findings.refuse(name, "nnctl's layer has no such weight")
        return found

    arrays = tuple(ArrayInfo(name, array.dtype.name, array.shape) for name, array in graph.constants.items())
    made_by = f"ONNX opset {graph.opset}" + (f" by {graph.producer}" if graph.producer else "")
    return Imported(made_by, graph.name or "model", model, weights=weights, arrays=arrays)
