"""A workload for libraries whose convolutions put zeros around a picture themselves."""

from __future__ import annotations

from benchmarks.workloads.base import Entry, Workload

Border = tuple[int, int]


def merged(workload: Workload, dropout: bool) -> list[Entry]:
    """The entries, each ZeroPadding2D taken into the convolution behind it, as its number `padding`."""
    found: list[Entry] = []
    for entry in workload.entries(dropout):
        before = found[-1] if found else None
        if before is not None and before.type == "ZeroPadding2D" and entry.reads == (before.name,):
            fields = {**entry.fields, "padding": before.fields["padding"]}
            found[-1] = Entry(entry.name, entry.type, fields, before.reads)
        else:
            found.append(entry)
    return found


def border(size: int, padding: str | int) -> Border:
    """Zeros before and behind an axis, for a window of this size moved by 1 (`same`, `valid`) or a number."""
    if isinstance(padding, int):
        return padding, padding
    return ((size - 1) // 2, size // 2) if padding == "same" else (0, 0)
