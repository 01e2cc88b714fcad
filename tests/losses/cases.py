"""Every loss with data that fits it, and its formula in plain NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnctl.core.arrays import Array

EPSILON = 1e-7


@dataclass(frozen=True)
class Case:
    """A loss, a batch for it, and the oracle `rows(y_true, y_pred)` in float64."""

    name: str
    y_true: Array
    y_pred: Array
    rows: Callable[[Array, Array], Array]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def positions(self) -> bool:
        """Whether there is a loss per position (N, T), which a mask weighs."""
        of_each = self.y_pred.shape[:-1]
        return len(of_each) == 2 and self.rows(self.y_true, self.y_pred).shape == of_each

    @property
    def id(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.fields.items()), str(self.y_pred.shape)])


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def onehot(labels: Array, classes: int) -> Array:
    return np.eye(classes)[labels]


def _categorical(y: Array, p: Array, smoothing: float = 0.0, logits: bool = False) -> Array:
    p = softmax(p) if logits else np.clip(p / p.sum(-1, keepdims=True), EPSILON, 1 - EPSILON)
    y = y * (1 - smoothing) + smoothing / y.shape[-1]
    return -(y * np.log(p)).sum(-1)


def _sparse(y: Array, p: Array, ignore: int | None = None, logits: bool = False) -> Array:
    known = np.where(y == ignore, 0, y) if ignore is not None else y
    rows = _categorical(onehot(known, p.shape[-1]), p, logits=logits)
    return rows if ignore is None else np.where(y == ignore, 0.0, rows)


def _binary(y: Array, p: Array, smoothing: float = 0.0, logits: bool = False) -> Array:
    p = sigmoid(p) if logits else np.clip(p, EPSILON, 1 - EPSILON)
    y = y * (1 - smoothing) + smoothing / 2
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(-1)


def _msle(y: Array, p: Array) -> Array:
    return ((np.log(1 + np.maximum(p, EPSILON)) - np.log(1 + np.maximum(y, EPSILON))) ** 2).mean(-1)


def _poisson(y: Array, p: Array) -> Array:
    return (p - y * np.log(p + EPSILON)).mean(-1)


def _huber(delta: float) -> Callable[[Array, Array], Array]:
    def rows(y: Array, p: Array) -> Array:
        e = np.abs(p - y)
        return np.where(e <= delta, e**2 / 2, delta * e - delta**2 / 2).mean(-1)

    return rows


def _labels(y: Array) -> Array:
    return 2 * y - 1 if np.isin(y, (0, 1)).all() else y


def _hinge(y: Array, p: Array) -> Array:
    return np.maximum(1 - _labels(y) * p, 0).mean(-1)


def _squared_hinge(y: Array, p: Array) -> Array:
    return (np.maximum(1 - _labels(y) * p, 0) ** 2).mean(-1)


def _categorical_hinge(y: Array, p: Array) -> Array:
    return np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0)


def _kl(y: Array, p: Array) -> Array:
    y, p = np.clip(y, EPSILON, 1), np.clip(p, EPSILON, 1)
    return (y * np.log(y / p)).sum(-1)


def _log_cosh(y: Array, p: Array) -> Array:
    return np.log(np.cosh(p - y)).mean(-1)


def _cosine(axis: int) -> Callable[[Array, Array], Array]:
    def rows(y: Array, p: Array) -> Array:
        norms = [np.maximum(np.sqrt((v * v).sum(axis)), EPSILON) for v in (y, p)]
        return -(y * p).sum(axis) / (norms[0] * norms[1])

    return rows


def _binary_focal(
    y: Array, p: Array, gamma: float = 2.0, alpha: float | None = None,
    smoothing: float = 0.0, logits: bool = False,
) -> Array:  # fmt: skip
    p = sigmoid(p) if logits else p
    y = y * (1 - smoothing) + smoothing / 2
    q = np.clip(p, EPSILON, 1 - EPSILON)
    terms = -(y * np.log(q) + (1 - y) * np.log(1 - q)) * (y * (1 - p) + (1 - y) * p) ** gamma
    return (terms if alpha is None else terms * (y * alpha + (1 - y) * (1 - alpha))).mean(-1)


def _categorical_focal(
    y: Array, p: Array, gamma: float = 2.0, alpha: Any = 0.25, smoothing: float = 0.0, logits: bool = False
) -> Array:
    p = softmax(p) if logits else np.clip(p / p.sum(-1, keepdims=True), EPSILON, 1 - EPSILON)
    y = y * (1 - smoothing) + smoothing / y.shape[-1]
    return -(np.array(alpha) * (1 - p) ** gamma * y * np.log(p)).sum(-1)


def _dice(axis: Any = None) -> Callable[[Array, Array], Array]:
    def rows(y: Array, p: Array) -> Array:
        common, both = (y * p).sum(axis), (y + p).sum(axis)
        return np.atleast_1d(1 - 2 * common / (both + EPSILON))

    return rows


def _tversky(alpha: float, beta: float, axis: Any = None) -> Callable[[Array, Array], Array]:
    def rows(y: Array, p: Array) -> Array:
        common, missed, wrong = ((a * b).sum(axis) for a, b in ((y, p), (y, 1 - p), (1 - y, p)))
        return np.atleast_1d(1 - common / (common + alpha * missed + beta * wrong + EPSILON))

    return rows


def _circle(gamma: float = 80.0, margin: float = 0.4, alone: bool = True) -> Callable[[Array, Array], Array]:
    def rows(y: Array, p: Array) -> Array:
        d = np.maximum(1 - p @ p.T, 0)
        same = y[:, None] == y
        near, far = same & ~np.eye(len(y), dtype=bool) if alone else same, ~same
        scores = [gamma * np.maximum(margin + d, 0) * (d - margin),
                  gamma * np.maximum(1 + margin - d, 0) * (1 - margin - d)]  # fmt: skip
        sums = [np.log(np.where(m, np.exp(v), 0).sum(1)) for m, v in zip((near, far), scores, strict=True)]
        return np.logaddexp(0, sums[0] + sums[1])

    return rows


def _ctc(y: Array, p: Array) -> Array:
    """Over every path of classes, of which there are C^T."""
    logarithms = np.log(softmax(p))
    found = np.zeros(len(y))
    for path in itertools.product(range(p.shape[2]), repeat=p.shape[1]):
        said = [c for c, _ in itertools.groupby(path) if c]
        for i, labels in enumerate(y):
            if said == [c for c in labels if c]:
                found[i] += np.exp(sum(logarithms[i, t, c] for t, c in enumerate(path)))
    return -np.log(found)


def _generalized(q: float) -> Callable[[Array, Array], Array]:
    return lambda y, p: (1 - np.take_along_axis(p, y[..., None], -1)[..., 0] ** q) / q


def _cases() -> list[Case]:
    rng = np.random.default_rng(3)

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape)

    def labels(classes: int, *shape: int) -> Array:
        return rng.integers(0, classes, shape).astype(np.int32)

    def unit(*shape: int) -> Array:
        x = normal(*shape)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def bits(*shape: int) -> Array:
        return rng.integers(0, 2, shape).astype(np.float64)

    sparse, categorical, binary = (
        f"{kind}Crossentropy" for kind in ("SparseCategorical", "Categorical", "Binary")
    )
    focal_binary, focal_categorical = "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"
    generalized = "CategoricalGeneralizedCrossEntropy"
    return [
        Case(sparse, labels(5, 7), softmax(normal(7, 5)), _sparse),
        Case(sparse, labels(5, 7), softmax(normal(7, 5)) * 3, _sparse),
        Case(sparse, labels(33, 3, 4), softmax(normal(3, 4, 33)), _sparse),
        Case(sparse, labels(4, 6), 9 * normal(6, 4), lambda y, p: _sparse(y, p, logits=True),
             {"from_logits": True}),
        Case(
            sparse, labels(3, 5, 4), normal(5, 4, 3), lambda y, p: _sparse(y, p, 1, logits=True),
            {"from_logits": True, "ignore_class": 1},
        ),
        Case(sparse, labels(3, 11), softmax(normal(11, 3)), lambda y, p: _sparse(y, p, 2),
             {"ignore_class": 2}),
        Case(categorical, onehot(labels(5, 7), 5), softmax(normal(7, 5)), _categorical),
        Case(categorical, softmax(normal(2, 3, 17)), softmax(normal(2, 3, 17)), _categorical),
        Case(
            categorical, onehot(labels(4, 6), 4), softmax(normal(6, 4)),
            lambda y, p: _categorical(y, p, 0.1),
            {"label_smoothing": 0.1},
        ),
        Case(
            categorical, softmax(normal(6, 4)) * 0.5, normal(6, 4),
            lambda y, p: _categorical(y, p, 0.3, True),
            {"label_smoothing": 0.3, "from_logits": True},
        ),
        Case(binary, bits(7, 1), sigmoid(normal(7, 1)), _binary),
        Case(binary, sigmoid(normal(3, 4, 5)), sigmoid(normal(3, 4, 5)), _binary),
        Case(binary, bits(7, 3), 4 * normal(7, 3), lambda y, p: _binary(y, p, logits=True),
             {"from_logits": True}),
        Case(
            binary, bits(7, 3), normal(7, 3), lambda y, p: _binary(y, p, 0.2, True),
            {"label_smoothing": 0.2, "from_logits": True},
        ),
        Case(binary, bits(7, 3), sigmoid(normal(7, 3)), lambda y, p: _binary(y, p, 0.2),
             {"label_smoothing": 0.2}),
        Case("KLDivergence", softmax(normal(6, 4)), softmax(normal(6, 4)), _kl),
        Case("KLDivergence", onehot(labels(3, 4, 2), 3), softmax(normal(4, 2, 3)), _kl),
        Case("MeanSquaredError", normal(7, 3), normal(7, 3), lambda y, p: ((y - p) ** 2).mean(-1)),
        Case("MeanSquaredError", normal(2, 5, 19), normal(2, 5, 19), lambda y, p: ((y - p) ** 2).mean(-1)),
        Case("MeanAbsoluteError", normal(7, 3), normal(7, 3), lambda y, p: np.abs(y - p).mean(-1)),
        Case(
            "MeanAbsolutePercentageError", normal(7, 3) * bits(7, 3), normal(7, 3),
            lambda y, p: 100 * np.abs((y - p) / np.maximum(np.abs(y), EPSILON)).mean(-1),
        ),
        Case("Poisson", labels(4, 7, 3).astype(float), np.abs(normal(7, 3)), _poisson),
        Case("MeanSquaredLogarithmicError", np.abs(normal(7, 3)), np.abs(normal(7, 3)), _msle),
        Case("MeanSquaredLogarithmicError", normal(7, 3), normal(7, 3), _msle),
        Case("Huber", normal(7, 3), 2 * normal(7, 3), _huber(1.0)),
        Case("Huber", normal(7, 3), normal(7, 3), _huber(0.3), {"delta": 0.3}),
        Case("Hinge", 2 * bits(7, 3) - 1, 2 * normal(7, 3), _hinge),
        Case("Hinge", bits(7, 3), 2 * normal(7, 3), _hinge),
        Case("SquaredHinge", 2 * bits(5, 2, 3) - 1, 2 * normal(5, 2, 3), _squared_hinge),
        Case("SquaredHinge", bits(7, 1), 2 * normal(7, 1), _squared_hinge),
        Case("CategoricalHinge", onehot(labels(5, 7), 5), normal(7, 5), _categorical_hinge),
        Case("LogCosh", normal(7, 3), normal(7, 3), _log_cosh),
        Case("LogCosh", 30 * normal(3, 2, 5), normal(3, 2, 5), _log_cosh),
        Case("CosineSimilarity", normal(7, 3), normal(7, 3), _cosine(-1)),
        Case("CosineSimilarity", normal(3, 4, 5), normal(3, 4, 5), _cosine(-1)),
        Case("CosineSimilarity", normal(3, 4, 5), normal(3, 4, 5), _cosine(1), {"axis": 1}),
        Case(focal_binary, bits(7, 3), sigmoid(normal(7, 3)), _binary_focal),
        Case(
            focal_binary, bits(3, 4, 5), 2 * normal(3, 4, 5),
            lambda y, p: _binary_focal(y, p, 1.3, 0.7, 0.2, True),
            {"gamma": 1.3, "apply_class_balancing": True, "alpha": 0.7, "label_smoothing": 0.2,
             "from_logits": True},
        ),
        Case(focal_binary, bits(7, 3), sigmoid(normal(7, 3)), lambda y, p: _binary_focal(y, p, 0.0),
             {"gamma": 0.0}),
        Case(focal_categorical, onehot(labels(5, 7), 5), softmax(normal(7, 5)) * 3, _categorical_focal),
        Case(
            focal_categorical, softmax(normal(2, 3, 4)), normal(2, 3, 4),
            lambda y, p: _categorical_focal(y, p, 1.3, [0.1, 0.4, 0.2, 0.3], 0.1, True),
            {"gamma": 1.3, "alpha": [0.1, 0.4, 0.2, 0.3], "label_smoothing": 0.1, "from_logits": True},
        ),
        Case(focal_categorical, onehot(labels(3, 6), 3), softmax(normal(6, 3)),
             lambda y, p: _categorical_focal(y, p, 0.0), {"gamma": 0.0}),
        Case(generalized, labels(5, 7), softmax(normal(7, 5)), _generalized(0.5)),
        Case(generalized, labels(3, 4, 2), softmax(normal(4, 2, 3)), _generalized(0.2), {"q": 0.2}),
        Case("Dice", bits(7, 3), sigmoid(normal(7, 3)), _dice()),
        Case("Dice", bits(3, 4, 5), sigmoid(normal(3, 4, 5)), _dice(-1), {"axis": -1}),
        Case("Dice", onehot(labels(2, 3, 4, 5), 2), softmax(normal(3, 4, 5, 2)), _dice((1, 2)),
             {"axis": [1, 2]}),
        Case("Dice", bits(3, 4, 5, 2), sigmoid(normal(3, 4, 5, 2)), _dice((1, 3)), {"axis": [3, 1]}),
        Case("Circle", np.array([0, 1, 0, 2, 2, 1, 0], np.int32), unit(7, 3), _circle()),
        Case("Circle", np.array([3, 1, 3, 1, 3], np.int32), 1.2 * unit(5, 4), _circle(6.0, -0.2, False),
             {"gamma": 6.0, "margin": -0.2, "remove_diagonal": False}),
        Case("CTC", np.array([[1, 2, 0], [2, 2, 0], [1, 2, 1], [3, 0, 0], [0, 0, 0]], np.int32),
             normal(5, 5, 4), _ctc),
        Case("CTC", np.array([[2, 1, 1, 2], [1, 2, 1, 2]], np.int32), 3 * normal(2, 7, 3), _ctc),
        Case("Circle", np.array([2, 1, 2, 1], np.int32), 1.1 * unit(4, 2), _circle(6.0, 0.3, False),
             {"gamma": 6.0, "margin": 0.3, "remove_diagonal": False}),
        Case("Tversky", bits(3, 4, 1), sigmoid(normal(3, 4, 1)), _tversky(0.5, 0.5)),
        Case("Tversky", bits(3, 4, 5, 2), sigmoid(normal(3, 4, 5, 2)), _tversky(0.3, 0.9, (1, 2, 3)),
             {"alpha": 0.3, "beta": 0.9, "axis": [1, 2, 3]}),
    ]  # fmt: skip


CASES = _cases()
