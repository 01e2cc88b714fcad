"""Keras on JAX in float64: both would rather compute in float32."""

from __future__ import annotations


def keep_64_bits() -> None:
    """On JAX, Keras turns a float64 among an operation's types into a float32: half of the bits go."""
    import jax
    from keras.src.backend.common import dtypes

    jax.config.update("jax_enable_x64", True)
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
