"""Layers whose weights are statistics of the training split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.layers.adapting import moments
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.initial import Initial
from nnctl.workflow.train import first_weights

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


def assembled(*layers: str) -> Assembled:
    out = "{type: Dense, units: 3, activation: softmax, name: species}"
    return assemble(IRIS, overrides=[f"model.layers=[{', '.join([*layers, out])}]"])


def test_statistics_are_those_of_the_training_split() -> None:
    made = assembled("{type: Normalization, name: norm}")
    session, train = made.session(1), made.data.train
    first_weights(session, None, train)
    (part,) = train.inputs.values()
    ((_, x),) = train.pieces(part, "float64")
    found = {name: session.weights.arrays[f"norm/{name}"] for name in ("mean", "variance", "count")}
    np.testing.assert_allclose(found["mean"], x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found["variance"], x.var(axis=0), rtol=1e-6)
    assert found["count"] == len(train) == 98
    # Of a run that goes on from another's weights they are that one's.
    given = {name: np.full_like(array, 7) for name, array in session.weights.arrays.items()}
    first_weights(session, Initial("a run", given, ("norm",)), train)
    assert (found["mean"] == 7).all()


@pytest.mark.parametrize("axes", [[3], [3, 1], [], [2]], ids=str)
def test_moments_in_one_pass(axes: list[int]) -> None:
    """Far from 0, too, where squares would lose all that is left of a variance."""
    x = np.random.default_rng(1).standard_normal((29, 2, 3, 4)) + 1e8
    over = tuple(a for a in range(4) if a not in axes)
    blocks = [x[:7], x[7:8], x[8:]]
    mean, variance, count = moments(iter(blocks), sorted(axes))
    np.testing.assert_allclose(mean, x.mean(axis=over), rtol=1e-15)
    np.testing.assert_allclose(variance, x.var(axis=over), rtol=1e-6)
    assert count == x.size // max(variance.size, 1)
    assert not moments(iter([np.full((5, 3), 0.1)]), [1])[1].any()


@pytest.mark.parametrize(
    ("layers", "message", "path"),
    [
        (["{type: Dense, units: 2}", "Normalization"], "reads the layer 'dense'", ("model", "layers", 1)),
        (
            ["{type: Dropout, rate: 0.5}", "Normalization"],
            "reads the layer 'dropout'",
            ("model", "layers", 1),
        ),
    ],
)
def test_only_an_input_has_statistics(layers: list[str], message: str, path: Any) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        assembled(*layers)
    assert caught.value.problems[0].path == path
