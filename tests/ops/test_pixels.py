"""What is done to the pixels of images by formula: gradients for all that they are made of."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array
from nnctl.ops.activation import clip
from nnctl.ops.formula import Formula
from nnctl.ops.pixels import paste
from tests.ops.harness import check_gradients, evaluate

RNG = np.random.default_rng(0)


def box(u: float, v: float, width: float) -> tuple[float, float, float, float]:
    return u * width, width, v, v + 2


def images() -> dict[str, Array]:
    x, other = RNG.normal(size=(2, 3, 4, 5, 2))
    return {"x": x, "other": other, "draws": RNG.uniform(size=(3, 2))}


def test_paste() -> None:
    given = images()
    x, other, draws = given.values()
    (got,) = evaluate(lambda x, other, draws: paste(x, other, draws, Formula(box, (5.0,))), given)
    expected = x.copy()
    for b, (u, v) in enumerate(draws):
        rows = [i for i in range(4) if v <= i < v + 2]
        columns = [j for j in range(5) if j >= u * 5]
        expected[b][np.ix_(rows, columns)] = other[b][np.ix_(rows, columns)]
    np.testing.assert_array_equal(got, expected)
    check_gradients(
        lambda x, other, draws: paste(x, other, draws, Formula(box, (5.0,))), given, ["x", "other"]
    )


def test_clip() -> None:
    x = RNG.normal(size=(3, 4))
    (got,) = evaluate(lambda x: clip(x, -0.5, 0.25), {"x": x})
    np.testing.assert_array_equal(got, np.clip(x, -0.5, 0.25))
    check_gradients(lambda x: clip(x, -0.5, 0.25), {"x": x})
