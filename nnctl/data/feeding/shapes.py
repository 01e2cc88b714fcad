"""The shape of one example: as the columns give it, and held against the one that the model declares."""

from __future__ import annotations

from math import prod

from nnctl.core.shapes import Shape, show
from nnctl.data.preprocessing import CategoryPrep, ColumnPrep, HashPrep, SequencePrep, TextPrep, TimePrep
from nnctl.data.table import Table


def natural_shape(table: Table, columns: dict[str, ColumnPrep], length: int | None) -> tuple[int, ...]:
    """The shape of one example as the columns give it: an array's own, else the columns side by side."""
    only = next(iter(columns)) if len(columns) == 1 else None
    if only and isinstance(prep := columns[only], SequencePrep):
        shape = prep.shape
    elif only and table.columns[only].shape:
        shape = table.columns[only].shape
    elif all(isinstance(prep, SequencePrep) for prep in columns.values()):
        steps = [prep for prep in columns.values() if isinstance(prep, SequencePrep)]
        shape = (steps[0].length, sum(prep.numbers.width for prep in steps))
    else:
        shape = (sum(_width(table, name, prep) for name, prep in columns.items()),)
    return shape if length is None else (length, *shape)


def _width(table: Table, name: str, prep: ColumnPrep) -> int:
    if isinstance(prep, CategoryPrep | HashPrep | TimePrep | TextPrep | SequencePrep):
        return prep.width
    width = 1
    for n in table.columns[name].shape:
        width *= n
    return width


def agreed_shape(found: tuple[int, ...], declared: Shape | None) -> tuple[int, ...] | None:
    """The shape that one example takes, or None if it cannot.

    Declared axes win; a `null` is taken from the data axis by axis, or computed if it is the only unknown.
    Values are reshaped row-major.

    Args:
        found: The shape as it comes from the columns.
        declared: The model input's shape, or None if the model leaves it to the data.
    """
    if declared is None:
        return found
    if len(found) == len(declared) and all(d in (None, f) for f, d in zip(found, declared, strict=True)):
        return found
    unknown = [i for i, n in enumerate(declared) if n is None]
    known = prod(n for n in declared if n is not None)
    if len(unknown) > 1 or known == 0:
        return None
    total = prod(found)
    if not unknown:
        return tuple(n for n in declared if n is not None) if known == total else None
    if total % known:
        return None
    return tuple(total // known if n is None else n for n in declared)


def disagreement(name: str, found: tuple[int, ...], declared: Shape, columns: list[str]) -> str:
    """What to tell a user whose data contradicts the declared shape of input `name`."""
    from_columns = (
        columns[0] if len(columns) == 1 else f"{columns[0]} ... {columns[-1]}, {len(columns)} columns"
    )
    return (
        f"input '{name}' has the shape {show(declared)}, but the data gives {show(found)} "
        f"({prod(found)} numbers) an example ({from_columns})"
    )
