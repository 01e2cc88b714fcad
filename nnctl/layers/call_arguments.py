"""Arguments of a layer's call: fields of an entry that say how this call works, not what the layer is.

They stand in the entry like any other field. An entry that calls a layer again (`use`) says its own; what it
leaves out is at its default, whatever the first call said.
"""

from __future__ import annotations

from typing import Annotated, Literal


class CallArgument:
    """Marks a field as an argument of the call, as the last part of its `Annotated`."""


Flag = Annotated[bool, CallArgument()]
"""A call argument that is true or false."""

Inference = Annotated[Literal[False] | None, CallArgument()]
"""`training: false`: a call that works as in inference while the model trains.

Keras also takes true. There a prediction would draw random numbers, and an evaluation would move statistics:
what a row gives would depend on its batch.
"""
