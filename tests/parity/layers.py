"""Layers and activations: everything that a call gives, over three steps of gradient descent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from nnctl.activations.base import activations
from nnctl.core.arrays import Array
from nnctl.graph.model import at_parameters
from nnctl.layers.base import layers
from tests.layers import keras_cases
from tests.layers.harness import case as layer_case
from tests.layers.test_keras import built, keras_program
from tests.parity.draw import lengths
from tests.parity.family import Drawn, Family, apart, of_keras


class Layers(Family):
    """Outputs, masks, penalties, statistics and all gradients, over three steps of gradient descent."""

    registry = layers
    file = "tests/layers/keras_cases.py"
    dtype = "float32"

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        for config, shapes, options in keras_cases.CASES:
            yield config["type"], config, (shapes, options)

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        shapes, options = drawn.rest
        given = {"batch": draw.choice([1, 2, 3, 5]), "seed": draw.randrange(1000), **options}
        made = layer_case(drawn.fields, lengths(draw, shapes), dtype=self.dtype, **given)
        made.layer.compute_output_shape(*at_parameters(made.layer, made.names, made.shapes))
        first = {k: w.copy() for k, w in made.weights.items()}
        result = made.run()
        layer = of_keras(lambda: built(drawn.fields, made, first))
        rng = np.random.default_rng(draw.randrange(1000))
        projections = [rng.standard_normal(out.shape).astype(self.dtype) for out in result.outputs]
        program = of_keras(lambda: keras_program(layer, made, projections))
        xs = [jax.numpy.asarray(x) for x in made.inputs]
        trained = [k for k in made.weights if k not in made.statistics]
        fixed = [k for k in made.weights if k in made.statistics]
        steps = []
        for step in range(3):
            before = {k: w.copy() for k, w in made.weights.items()} if step else first
            values = (
                [jax.numpy.array(before[k]) for k in trained],
                [jax.numpy.array(before[k]) for k in fixed],
            )
            rest = [v.value for v in layer.non_trainable_variables[len(fixed) :]]
            theirs = of_keras(lambda values=values, rest=rest: program(xs, values[0], [*values[1], *rest]))
            result = made.run() if step else result
            found = {
                f"output {i}": apart(*o)
                for i, o in enumerate(zip(result.outputs, theirs["outputs"], strict=True))
            }
            found |= {k: apart(made.weights[k], s) for k, s in zip(fixed, theirs["statistics"], strict=False)}
            found["penalty"] = apart(sum(result.losses), theirs["penalty"], 1e-3)
            self._masks(result.masks, theirs["mask"])
            after = {k: made.weights[k].copy() for k in fixed}
            made.weights = before
            if not made.layer.passes_gradient:
                return found
            gradients = made.gradients(projections)
            largest = max(
                (float(np.abs(g).max(initial=0)) for g in theirs["gradients"].values()), default=0.0
            )
            for name, gradient in theirs["gradients"].items():
                found[f"gradient for {name}"] = apart(gradients[name], gradient, largest / 10)
            for name in trained:
                made.weights[name] = before[name] - np.asarray(
                    0.05 * gradients[name] / max(largest, 1), self.dtype
                )
            made.weights |= after
            steps.append({f"{name}, step {step}": value for name, value in found.items()})
        return {name: value for found in steps for name, value in found.items()}

    def _masks(self, ours: Sequence[Array], theirs: Any) -> None:
        # No mask and one that is set everywhere mean the same.
        mine = ours[0].astype(bool) if ours else np.True_
        keras_mask = np.True_ if theirs is None else np.asarray(theirs)
        assert np.array_equal(*np.broadcast_arrays(mine, keras_mask)), "another mask"


class Activations(Layers):
    """In a layer of their own."""

    registry = activations
    file = "tests/activations/test_activations.py"

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        # Keras's sparsemax is another function (`docs/keras_differences.md`).
        return [(name, {}, ()) for name in activations.names() if name != "sparsemax"]

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        config = {"type": "Activation", "activation": {"type": drawn.name, **drawn.fields}}
        return super().deviations(Drawn("Activation", config, ([(4, 6)], {})), draw)
