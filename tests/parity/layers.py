"""Layers and activations: everything that a call gives, over three steps of gradient descent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from nnctl.activations.base import activations
from nnctl.core.arrays import Array
from nnctl.layers.base import layers
from nnctl.layers.calling import at_parameters
from tests.layers import keras_cases
from tests.layers.harness import Case, Result
from tests.layers.harness import case as layer_case
from tests.layers.test_keras import built, keras_program, shapes_in_keras
from tests.parity.draw import lengths
from tests.parity.family import Drawn, Family, apart, of_keras

OTHERS = frozenset(["RandomCrop"])
"""Classes that give something else than Keras's but for some arguments (`docs/keras_differences.md`)."""
FORGETS = {"SimpleRNN": "activity_regularizer"}
"""What Keras's class takes and forgets (`docs/keras_differences.md`)."""
STEPS = 3
"""Of gradient descent."""


def copied(weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights apart from what becomes of them."""
    return {name: array.copy() for name, array in weights.items()}


class Layers(Family):
    """Outputs, masks, penalties, statistics and all gradients, over three steps of gradient descent."""

    registry = layers
    dtype = "float32"

    def allowed(self, name: str) -> float:
        # The slope of a logarithm near 0 enlarges what is rounded: in float64 it is 2e-7.
        return 1e-3 if name == "MelSpectrogram" else self.tolerance

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        for config, shapes, options in keras_cases.CASES:
            if config["type"] in OTHERS:
                continue
            yield config["type"], config, (shapes, options)

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        shapes, options = drawn.rest
        drawn.fields.pop(FORGETS.get(drawn.name, ""), None)
        if drawn.fields.get("units") == 1 and any("softmax" in str(v) for v in drawn.fields.values()):
            # One number's softmax is 1 whatever it is, and what a GRU's state is short of 1 is rounding: in
            # float64 both agree within 4e-14.
            drawn.fields["units"] = 2
        if drawn.name == "Dropout" and options.get("training"):
            drawn.fields["rate"] = 0.0  # other numbers are drawn here and there
        if drawn.fields.get("unroll"):
            # Keras's unrolled loop does not know of it (`docs/keras_differences.md`).
            drawn.fields.pop("zero_output_for_mask", None)
        given = {"batch": draw.choice([1, 2, 3, 5]), "seed": draw.randrange(1000), **options}
        made = layer_case(drawn.fields, lengths(draw, shapes), dtype=self.dtype, **given)
        made.layer.activated_shape(*at_parameters(made.layer, made.names, made.shapes))
        before, result = copied(made.weights), made.run()
        layer = of_keras(lambda: built(drawn.fields, made, before))
        wanted = of_keras(lambda: shapes_in_keras(layer, made))
        assert [out.shape for out in result.outputs] == wanted, "another shape"
        rng = np.random.default_rng(draw.randrange(1000))
        projections = [rng.standard_normal(out.shape).astype(self.dtype) for out in result.outputs]
        program = of_keras(lambda: keras_program(layer, made, projections))
        found: dict[str, float] = {}
        for step in range(STEPS if made.layer.passes_gradient else 1):
            if step:
                before, result = copied(made.weights), made.run()
            theirs = of_keras(lambda before=before: self._keras(program, layer, made, before))
            now = self._forward(made, result, theirs)
            if made.layer.passes_gradient:
                now |= self._descend(made, before, projections, theirs["gradients"])
            found |= {f"{name}, step {step}": value for name, value in now.items()}
        return found

    def _keras(self, program: Any, layer: Any, made: Case, weights: Mapping[str, Array]) -> dict[str, Any]:
        """What Keras's layer gives with these weights; what it has besides (seeds) stays as it is."""
        trained = [jax.numpy.array(w) for k, w in weights.items() if k not in made.statistics]
        fixed = [jax.numpy.array(w) for k, w in weights.items() if k in made.statistics]
        rest = [v.value for v in layer.non_trainable_variables[len(fixed) :]]
        found: dict[str, Any] = program(list(map(jax.numpy.asarray, made.inputs)), trained, [*fixed, *rest])
        return found

    def _forward(self, made: Case, result: Result, theirs: Mapping[str, Any]) -> dict[str, float]:
        """How far apart what a call gives is. Raises AssertionError where the masks differ."""
        outputs = enumerate(zip(result.outputs, theirs["outputs"], strict=True))
        found = {f"output {i}": apart(*both) for i, both in outputs}
        statistics = [k for k in made.weights if k in made.statistics]
        for name, value in zip(statistics, theirs["statistics"], strict=False):
            found[name] = apart(made.weights[name], value)
        for name, value in theirs["trained"].items():
            found[name] = apart(made.weights[name], value)
        found["penalty"] = apart(sum(result.losses), theirs["penalty"], 1e-3)
        self._masks(result.masks, theirs["mask"])
        return found

    def _descend(
        self,
        made: Case,
        before: Mapping[str, Array],
        projections: Sequence[Array],
        theirs: Mapping[str, Any],
    ) -> dict[str, float]:
        """How far apart the gradients at the weights `before` are; a step along ours is made then."""
        after = made.weights
        made.weights = dict(before)
        ours = made.gradients(projections)
        largest = max((float(np.abs(g).max(initial=0)) for g in theirs.values()), default=0.0)
        for name in after.keys() - made.statistics:
            after[name] = np.asarray(after[name] - 0.05 * ours[name] / max(largest, 1), self.dtype)
        made.weights = after
        return {f"gradient for {k}": apart(ours[k], g, largest / 10) for k, g in theirs.items()}

    def _masks(self, ours: Sequence[Array], theirs: Any) -> None:
        # No mask and one that is set everywhere mean the same.
        mine = ours[0].astype(bool) if ours else np.True_
        keras_mask = np.True_ if theirs is None else np.asarray(theirs)
        assert np.array_equal(*np.broadcast_arrays(mine, keras_mask)), "another mask"


class Activations(Layers):
    """In a layer of their own."""

    registry = activations

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        # Keras's sparsemax is another function (`docs/keras_differences.md`).
        return [(name, {}, ()) for name in activations.names() if name != "sparsemax"]

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        config = {"type": "Activation", "activation": {"type": drawn.name, **drawn.fields}}
        return super().deviations(Drawn("Activation", config, ([(4, 6)], {})), draw)
