"""One fused update an optimizer over flat buffers. (In work: kernels follow.)"""

from __future__ import annotations
