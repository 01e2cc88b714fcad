"""Adding a batch to a metric's float64 state. (In work: kernels follow.)"""

from __future__ import annotations
