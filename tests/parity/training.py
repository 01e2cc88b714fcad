"""What trains a model: losses, metrics, optimizers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from nnctl.losses.base import losses
from nnctl.metrics.base import metrics
from nnctl.optimizers.base import optimizers
from tests.losses import cases as loss_cases
from tests.losses.test_keras import both
from tests.metrics import test_keras as metric_cases
from tests.metrics.streams import make as make_metric
from tests.metrics.streams import stream
from tests.optimizers import cases as optimizer_cases
from tests.optimizers.runs import stepping
from tests.optimizers.test_keras import ways
from tests.parity.family import Drawn, Family, apart, of_keras

OWN_MASKS = ("CTC", "CosineSimilarity", "Dice", "Tversky")
"""Losses of more than a position each: what masks mean there is different (`docs/keras_differences.md`)."""


class Losses(Family):
    """The loss and its gradient, with sample weights and masks."""

    registry = losses

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        return [(c.name, c.fields, (c,)) for c in loss_cases.CASES]

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        losses.get(drawn.name)(**drawn.fields)  # type: ignore[misc]
        (line,) = drawn.rest
        rng = np.random.default_rng(draw.randrange(1000))
        count = rng.integers(1, len(line.y_pred) + 1)
        made = loss_cases.Case(line.name, line.y_true[:count], line.y_pred[:count], line.rows, drawn.fields)
        weight = rng.uniform(0, 2, count).astype(np.float32) if draw.random() < 0.5 else None
        masked = made.y_pred.ndim > 2 and draw.random() < 0.5 and drawn.name not in OWN_MASKS
        mask = (rng.random(made.y_pred.shape[:2]) < 0.7).astype(np.uint8) if masked else None
        (value, gradient), (ours, our_gradient) = both(made, weight, mask, of_keras)
        return {"loss": apart(ours[0], value, 1e-3), "gradient": apart(our_gradient, gradient)}


class Metrics(Family):
    """The result after several uneven batches, with sample weights."""

    registry = metrics

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        return [(name, fields, (source,)) for name, fields, source in metric_cases.CASES]

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        (source,) = drawn.rest
        ours = make_metric(drawn.name, **drawn.fields)
        theirs = of_keras(lambda: getattr(keras.metrics, drawn.name)(**drawn.fields))
        rng = np.random.default_rng(draw.randrange(1000))
        weighted, batches = draw.random() < 0.5, []
        for count in (draw.randint(1, 9) for _ in range(draw.randint(1, 4))):
            y_true, y_pred = source(rng, count)
            batch = {"y_true": y_true, "y_pred": y_pred}
            if weighted:
                # Whole ones: Keras's IoU metrics cut off what comes after the point.
                batch["weight"] = rng.integers(0, 3, count).astype(np.float32)
            batches.append(batch)
        result = stream(ours, batches)
        for batch in batches:
            given = batch["y_true"], batch["y_pred"]
            of_keras(lambda given=given, batch=batch: theirs.update_state(*given, batch.get("weight")))
        return {"result": apart(result, theirs.result(), 1e-2)}


class Optimizers(Family):
    """The way that weights go in five steps."""

    registry = optimizers
    # Keras takes 1 - beta^t in float32; Muon's iterations enlarge what is rounded.
    tolerance = 5e-5

    def lines(self) -> Iterable[tuple[str, Mapping[str, Any], tuple[Any, ...]]]:
        for name in stepping():
            yield from ((name, fields, ()) for fields in optimizer_cases.COMMON)
        yield from ((name, fields, ()) for name, fields in optimizer_cases.VARIANTS)

    def deviations(self, drawn: Drawn, draw: random.Random) -> dict[str, float]:
        optimizers.get(drawn.name)(**drawn.fields)  # type: ignore[misc]
        found = of_keras(lambda: ways(drawn.name, drawn.fields, draw.randrange(1000)))
        return {f"weight {i}": apart(ours, theirs, 4e-3) for i, (ours, theirs) in enumerate(found)}
