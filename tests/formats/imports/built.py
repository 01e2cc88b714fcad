"""Models that real Keras builds of the layers' test cases, and what nnctl reads of the files it saves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
keras = pytest.importorskip("keras")

from nnctl.activations.base import activations  # noqa: E402
from nnctl.core.arrays import Array  # noqa: E402
from nnctl.formats.keras.objects import activation_object  # noqa: E402
from nnctl.workflow.import_model import ImportedRun, import_model  # noqa: E402
from nnctl.workflow.stored import open_stored  # noqa: E402
from tests.formats.models import Model  # noqa: E402
from tests.layers import test_keras as in_keras  # noqa: E402
from tests.layers.harness import case  # noqa: E402
from tests.layers.keras_cases import Case  # noqa: E402


class Built:
    """A model of Keras with weights, and what it is fed: in a list, as `arrays`."""

    def __init__(self, model: Any, arrays: Sequence[Array]) -> None:
        self.model, self.arrays = model, list(arrays)
        rng = np.random.default_rng(1)
        for weight in model.weights:
            if weight.dtype == "float32":
                values = (0.5 * rng.standard_normal(weight.shape)).astype("float32")
                weight.assign(np.abs(values) + np.float32(0.5) if "variance" in weight.name else values)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()

    def predict(self, batch: int | None = None) -> list[Array]:
        """What Keras predicts, so many examples at a time."""
        count = len(self.arrays[0])
        made = [self._predict(at, at + (batch or count)) for at in range(0, count, batch or count)]
        return [np.concatenate(parts) for parts in zip(*made, strict=True)]

    def _predict(self, start: int, stop: int) -> list[Array]:
        given = [array[start:stop] for array in self.arrays]
        made = self.model(given if len(given) > 1 else given[0], training=False)
        return [np.asarray(values) for values in keras.tree.flatten(made)]

    def imported(self, file: Path) -> tuple[list[Array], ImportedRun]:
        """What nnctl predicts once Keras has saved the model to `file`; what the import says."""
        self.model.save(file)
        run = file.with_suffix(".run")
        told = import_model(file, run)
        stored = open_stored(str(run))
        made = Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights))
        return list(made.predict(dict(zip(stored.model.inputs, self.arrays, strict=True))).values()), told


def built(cases: Sequence[Case], told_masks: bool = True) -> Built:
    """One model of all cases, each on inputs of its own.

    A mask of all axes but the last comes from an Embedding; other masks are left out.

    Args:
        told_masks: Whether calls that start from given states are given the mask that Keras drops.
    """
    inputs: list[Any] = []
    arrays: list[Array] = []
    outputs: list[Any] = []
    rng = np.random.default_rng(3)
    for number, (config, shapes, options) in enumerate(cases):
        made = case(config, shapes, dtype="float32", **options)
        masks = options.get("masks", ())
        axes = masks if isinstance(masks, Mapping) else dict.fromkeys(masks, 2)
        reads = []
        for at, (shape, x) in enumerate(zip(shapes, made.inputs, strict=True)):
            masked = axes.get(at) == len(shape)
            whole = masked or x.dtype.kind == "i"
            fed = (4, *(shape[:-1] if masked else shape))
            most = 3 if masked else options.get("integers") or 2
            values = rng.integers(0, most, fed) if whole else rng.standard_normal(fed)
            arrays.append(values.astype("int32" if whole else "float32"))
            inputs.append(keras.Input(fed[1:], dtype=arrays[-1].dtype.name, name=f"in_{number}_{at}"))
            table = keras.layers.Embedding(5, shape[-1], mask_zero=True) if masked else None
            reads.append(table(inputs[-1]) if table is not None else inputs[-1])
        with patch.object(in_keras, "activation", _activation):
            layer = in_keras.to_keras(config)
        more = in_keras.rest(made, reads) | in_keras.named(made, reads)
        mask = keras.src.backend.get_keras_mask(reads[0])
        if told_masks and made.layer.in_keras.mask is not None and len(reads) > 1 and mask is not None:
            more["mask"] = mask
        outputs += keras.tree.flatten(layer(*in_keras.arguments(layer, made, reads), **more))
    return Built(keras.Model(inputs, outputs), arrays)


def _activation(config: Mapping[str, Any]) -> Any:
    """A function with parameters as the layer or operation that Keras can save."""
    cls = activations.get(config["type"])
    assert cls is not None
    function = cls.model_validate({name: value for name, value in config.items() if name != "type"})
    return keras.saving.deserialize_keras_object(activation_object(function, "float32"))
