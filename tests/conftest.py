"""What all tests share: comparisons with Keras run on JAX unless the environment says otherwise."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
