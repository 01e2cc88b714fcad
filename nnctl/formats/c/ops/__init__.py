"""What each op is in C, by theme."""

from __future__ import annotations
