"""What Keras's optimizers keep of weights, in the order in which they make it."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.arrays import Array
from nnctl.core.records import record


@record
class KeptWeight:
    """A weight with its optimizer's state.

    Attributes:
        name: Its full name.
        values: The weight itself.
        slots: The optimizer's of this weight, shaped as it is, by slot.
        steps: The updates so far.
    """

    name: str
    values: Array
    slots: Mapping[str, Array]
    steps: int
