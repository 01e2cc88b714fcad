"""nnctl: a declarative command line for training neural networks on CPUs."""

from __future__ import annotations

__version__ = "0.1.0"
