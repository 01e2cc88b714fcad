"""From how much work on a kernel runs on several threads."""

from __future__ import annotations

PARALLEL_FROM = 1 << 17
"""Elements from which an elementwise kernel pays for running on several threads."""


COSTLY = 16
"""How many times as long as others an elementwise function takes that calls exp, tanh and the like."""


def widened(kernel: str, elements: int, threads: int) -> str:
    """`kernel`, or its parallel twin where there is work enough for several threads."""
    return f"{kernel}_parallel" if elements >= PARALLEL_FROM and threads > 1 else kernel
