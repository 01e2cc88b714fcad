"""What the comparisons with Keras share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def compile_quickly() -> Iterator[None]:
    """XLA leaves most of its passes out: compiling is most of the time where a model runs once."""
    import jax

    name = "jax_disable_most_optimizations"
    before = jax.config.values[name]
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)
