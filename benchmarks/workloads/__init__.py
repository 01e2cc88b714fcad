"""What is computed, for every library: each workload is described once, in Keras's words."""

from __future__ import annotations

from benchmarks.workloads import dense, images, sequences
from benchmarks.workloads.base import Workload

_ORDER = (
    *("tiny", "table", "odd", "mlp", "wide", "cnn", "vgg", "conv5", "depthwise", "fcn1d"),
    *("lstm", "gru", "lstm2", "resnet20", "mobilenet", "unet", "text", "bilstm", "transformer", "causal"),
    *("widedeep", "autoencoder", "convlstm"),
)

_FOUND = {one.name: one for part in (dense, images, sequences) for one in part.WORKLOADS}

WORKLOADS: dict[str, Workload] = {name: _FOUND[name] for name in _ORDER}
"""By name, in the order of tables."""
