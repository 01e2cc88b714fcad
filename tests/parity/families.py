"""The families that are compared."""

from __future__ import annotations

from tests.parity.family import Family
from tests.parity.layers import Activations, Layers
from tests.parity.training import Losses, Metrics, Optimizers

FAMILIES: dict[str, Family] = {
    family.registry.kind: family for family in (Layers(), Activations(), Losses(), Metrics(), Optimizers())
}
