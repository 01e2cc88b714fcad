"""Steps that a layer masks, held against those that sequences are filled up with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnctl.core.errors import Problem, warning
from nnctl.data.feeding.sequences import Sequences, SideBySide
from nnctl.data.table import Rows
from nnctl.graph.model import CallNode
from nnctl.warnings.base import Seen


def filling_that_is_not_masked(seen: Seen) -> Iterator[Problem]:
    """A layer skips other steps than those that were filled up, or real ones, too."""
    train = seen.data.train if seen.data is not None else None
    if train is None:
        return
    for node in seen.model.nodes:
        skipped = node.layer.skips()
        read, *_ = node.at_parameters(node.inputs)
        part = train.inputs.get(read.name) if read is not None else None
        if skipped is None or part is None or not part.feed.kept():
            continue
        if isinstance(part.feed, SideBySide):
            yield from _filled_otherwise(node, skipped, part.feed, train.rows)
        if not isinstance(part.feed, Sequences):
            continue
        feed = part.feed
        filled = bool((feed.steps_of(train.rows) < feed.prep.length).any())
        if np.float32(skipped) != np.float32(feed.prep.value):
            if filled:
                yield warning(
                    f"'{node.name}' skips steps of {skipped:g}, but '{feed.name}' is filled up with "
                    f"{feed.prep.value:g}, which takes part in everything",
                    node.path,
                    f"value: {skipped:g} of the column",
                )
        elif (row := feed.first_with(skipped, train.rows)) is not None:
            yield warning(
                f"'{node.name}' skips steps of {skipped:g}, but '{feed.name}' holds them, too "
                f"({part.origin.place(row)})",
                node.path,
                "numbers from 1 on"
                if part.dtype == "int32"
                else "a mask_value and `value` that do not occur",
            )


def _filled_otherwise(node: CallNode, skipped: float, feed: SideBySide, rows: Rows) -> Iterator[Problem]:
    """Columns side by side of which one is filled up with something else than a layer skips."""
    for part in feed.parts:
        if np.float32(skipped) == np.float32(part.prep.value):
            continue
        if (part.steps_of(rows) < part.prep.length).any():
            yield warning(
                f"'{node.name}' skips steps of {skipped:g}, but '{part.name}' is filled up with "
                f"{part.prep.value:g}, which takes part in everything",
                node.path,
                f"value: {skipped:g} of the column",
            )
