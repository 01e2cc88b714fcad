"""`nnctl import` and `nnctl inspect` as text."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.numbers import size
from nnctl.report.tables import table
from nnctl.spec.output.render import render
from nnctl.workflow.import_model import ImportedRun
from nnctl.workflow.inspect_model import Inspected

_MOST = 40
"""How many arrays are listed; `--json` has all."""


def import_lines(result: ImportedRun) -> list[str]:
    """What came over, and what did not."""
    counts = f"{result.layers:,} layers, {result.parameters:,} parameters"
    lines = [f"{result.source} ({result.made_by}): {counts}, in {result.run}"]
    if result.notes:
        lines += ["what did not come over, or came otherwise:", *(f"  {note}" for note in result.notes)]
    return lines


def inspect_lines(result: Inspected) -> list[str]:
    """What the file is, its layers, its arrays, and what would not come over."""
    lines = [f"{result.file}: {result.made_by}, {size(result.bytes)}"]
    if result.layers:
        rows = [(layer.name, layer.type, layer.output, f"{layer.parameters:,}") for layer in result.layers]
        lines += ["", *table(("layer", "type", "output", "parameters"), rows, right=(3,))]
        total = sum(layer.parameters for layer in result.layers)
        lines += ["", f"{len(result.layers):,} layers, {total:,} parameters"]
    if result.arrays:
        shown = result.arrays[:_MOST]
        listed = [(a.path, a.dtype, " x ".join(map(str, a.shape)) or "1") for a in shown]
        lines += ["", *table(("array", "type", "shape"), listed)]
        left = len(result.arrays) - len(shown)
        lines += [f"and {left:,} more (--json has all)"] if left else []
    lines += _list("would not come over", [str(render(problem)) for problem in result.problems])
    return lines + _list("comes over otherwise, or is left", result.notes)


def _list(head: str, texts: Sequence[str]) -> list[str]:
    return ["", f"{head}:", *(f"  {text}" for text in texts)] if texts else []
