"""Keras's TerminateOnNaN, which nnctl always does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import Event, Request


@register
class TerminateOnNaN(CallbackSpec):
    """Accepted, and without effect: every run stops before a non-finite update is applied, with exit code 5.

    Source: keras.callbacks.TerminateOnNaN.
    """

    keras_only: ClassVar[tuple[str, ...]] = ("raise_error",)

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        return ()
