"""A Keras 3 `.keras` file, and only its weights as `.weights.h5`; Keras is not needed to write them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nnctl.core.arrays import Array
from nnctl.formats.archive import zipped
from nnctl.formats.keras.model import model_object
from nnctl.formats.keras.scopes import read_scope
from nnctl.formats.keras.weights import configure, keras_weights
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec
from nnctl.storage.hdf5_writer import hdf5

_METADATA = {"keras_version": "3.15.1", "date_saved": "1980-01-01@00:00:00"}
"""The Keras whose format this is, and no date: one run gives one file."""


def keras_archive(
    spec: ModelSpec, graph: LayerGraph, weights: Mapping[str, Array], *, name: str, dtype: str
) -> memoryview:
    """The `.keras` file of a model, not compiled: exactly the three members that Keras reads.

    Args:
        spec: The model as written.
        graph: What was built of it.
        weights: By full name.
        name: What Keras calls the model.
        dtype: The experiment's.

    Raises:
        ConfigError: something in the model is not Keras's; the message names it.
    """
    scope = read_scope(spec, graph, dtype)
    configure(scope, weights)
    config = model_object(scope, name.replace("/", "_"), True, dtype)
    members: dict[str, list[bytes | memoryview]] = {
        "metadata.json": [json.dumps(_METADATA).encode()],
        "config.json": [json.dumps(config).encode()],
        "model.weights.h5": hdf5(keras_weights(scope, graph, weights)),
    }
    return zipped(members)


def keras_weights_file(
    spec: ModelSpec, graph: LayerGraph, weights: Mapping[str, Array], dtype: str
) -> list[bytes | memoryview]:
    """The `.weights.h5` file, in pieces, that `load_weights` of the exported Keras model reads."""
    return hdf5(keras_weights(read_scope(spec, graph, dtype), graph, weights))
