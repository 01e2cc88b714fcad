"""What a callback is: it reads the runner's events and may answer with a request."""

from __future__ import annotations

from typing import Annotated, Any

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

callbacks: Registry[CallbackSpec] = Registry("callback", "nnctl.callbacks")
register = callbacks.register


class CallbackSpec(Spec):
    """A callback's parameters. Source: keras.callbacks."""


Callback = Annotated[Any, OneOf(callbacks)]
"""A field that takes a callback's name or a mapping with `type`."""
