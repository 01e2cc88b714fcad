"""A Keras 3 `.keras` file, and only its weights as `.weights.h5`; Keras is not needed to write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from nnctl.core.arrays import Array
from nnctl.formats.archive import zipped
from nnctl.formats.keras.compiled import compiled
from nnctl.formats.keras.model import model_object
from nnctl.formats.keras.objects import KERAS_VERSION, name_in_keras
from nnctl.formats.keras.patterns import NotCompiled
from nnctl.formats.keras.scopes import read_scope
from nnctl.formats.keras.weights import configure, keras_weights
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.spec.language.model import ModelSpec
from nnctl.storage.hdf5_writer import hdf5

if TYPE_CHECKING:
    from nnctl.formats.exports.base import Training

_METADATA = {"keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
"""No date: one run gives one file."""


def keras_archive(
    spec: ModelSpec,
    graph: LayerGraph,
    weights: Mapping[str, Array],
    *,
    name: str,
    dtype: str,
    objective: Objective | None = None,
    training: Training | None = None,
) -> memoryview:
    """The `.keras` file of a model: exactly the three members that Keras reads.

    Args:
        spec: The model as written.
        graph: What was built of it.
        weights: By full name.
        name: The experiment's.
        dtype: The experiment's.
        objective, training: How it was trained; without them, or where Keras has not what it was trained
            with, the model is not compiled.

    Raises:
        ConfigError: something in the model is not Keras's; the message names it.
    """
    scope, name = read_scope(spec, graph, dtype), name_in_keras(name)
    configure(scope, weights)
    config = model_object(scope, name, True, dtype)
    arrays = keras_weights(scope, graph, weights)
    if objective is not None and training is not None:
        with suppress(NotCompiled):
            made = compiled(scope, graph, weights, name, dtype, objective, training)
            config["compile_config"] = made.config
            for group, variables in made.variables.items():
                place = f"optimizer/{group}/vars" if group else "optimizer/vars"
                arrays |= {f"{place}/{at}": held for at, (_, held) in enumerate(variables)}
    members: dict[str, list[bytes | memoryview]] = {
        "metadata.json": [json.dumps(_METADATA).encode()],
        "config.json": [json.dumps(config).encode()],
        "model.weights.h5": hdf5(arrays),
    }
    return zipped(members)


def keras_weights_file(
    spec: ModelSpec, graph: LayerGraph, weights: Mapping[str, Array], dtype: str
) -> list[bytes | memoryview]:
    """The `.weights.h5` file, in pieces, that `load_weights` of the exported Keras model reads."""
    return hdf5(keras_weights(read_scope(spec, graph, dtype), graph, weights))
