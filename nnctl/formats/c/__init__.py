"""C99: a model's prediction as one file that needs nothing but a C library."""

from __future__ import annotations
