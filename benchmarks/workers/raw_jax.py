"""JAX without a library around it: the whole step, gradients and Adam among it, is one compiled function."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

from benchmarks.folder import first_weights
from benchmarks.protocol import serve
from benchmarks.workers.jax_model import function_of, split
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import EPSILON, LEARNING_RATE, Workload

BETA_1, BETA_2 = 0.9, 0.999


def _loss(workload: Workload, said: Any, wanted: Any) -> Any:
    if workload.target.kind == "input":
        return jnp.mean((said - wanted) ** 2)
    if workload.target.kind == "flag":
        return jnp.mean(jnp.logaddexp(0, said) - wanted * said)
    return -jnp.take_along_axis(jax.nn.log_softmax(said), wanted[..., None], -1).mean()


class Training:
    """One workload in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        workload = WORKLOADS[name]
        apply = function_of(workload, dropout, training=True)

        @partial(jax.jit, donate_argnums=(0,))
        def step(state: Any, inputs: Any, wanted: Any) -> Any:
            weights, statistics, first, second, count = state

            def loss(weights: Any) -> Any:
                said, after = apply(weights, statistics, inputs, jax.random.key(count))
                return _loss(workload, said, wanted), after

            (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(weights)
            count += 1
            rate = LEARNING_RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
            first = jax.tree.map(lambda m, g: m + (1 - BETA_1) * (g - m), first, gradients)
            second = jax.tree.map(lambda v, g: v + (1 - BETA_2) * (g * g - v), second, gradients)
            weights = jax.tree.map(
                lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, first, second
            )
            return (weights, statistics, first, second, count), value

        weights, statistics = split(first_weights(name))
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.state: Any = (weights, statistics, *zeros, jnp.zeros((), jnp.int32))
        self.batches = jax.device_put(workload.batches())
        self.update = step
        self.count = 0

    def step(self) -> Any:
        inputs, wanted = self.batches[self.count % len(self.batches)]
        self.count += 1
        self.state, loss = self.update(self.state, inputs, wanted)
        return jax.block_until_ready(loss)

    def loss_of(self, made: Any) -> float:
        return float(made)


class Inference:
    """One workload's compiled forward pass."""

    def __init__(self, name: str, batch: int) -> None:
        workload = WORKLOADS[name]
        apply = function_of(workload, dropout=False, training=False)
        self.weights, self.statistics = split(first_weights(name))
        self.inputs = jax.device_put(workload.batches(batch)[0][0])
        self.apply = jax.jit(lambda weights, statistics, inputs: apply(weights, statistics, inputs, None)[0])

    def step(self) -> Any:
        return jax.block_until_ready(self.apply(self.weights, self.statistics, self.inputs))

    def outputs_of(self, made: Any) -> Any:
        return made


def about() -> Mapping[str, str]:
    """Versions."""
    return {"jax": jax.__version__}


if __name__ == "__main__":
    serve(about, Training, Inference)
