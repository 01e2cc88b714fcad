"""The family of callbacks as a config sees it: names, resolved when first asked.

It stands here and not in `nnctl.callbacks`, which lies above `spec`: what a callback is, is defined there.
"""

from __future__ import annotations

from typing import Annotated, Any

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf

callbacks: Registry[Any] = Registry("callback", "nnctl.callbacks")

Callback = Annotated[Any, OneOf(callbacks)]
"""A field that takes a callback's name or a mapping with `type`."""
