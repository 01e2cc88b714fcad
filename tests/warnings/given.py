"""A small experiment in a directory of its own, of which a test changes what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnctl.spec.yaml.emit import block
from nnctl.workflow.check import Checked, check

NUMBERS = [[0.1 * i, 1.0 - 0.03 * i * i] for i in range(24)]


def table(target: Sequence[Any], **more: Sequence[Any]) -> str:
    """A CSV with the inputs `a` and `b`, the columns of `more`, and the target `y`."""
    lines = [",".join(["a", "b", *more, "y"])]
    for i, y in enumerate(target):
        cells = [*NUMBERS[i % len(NUMBERS)], *(column[i] for column in more.values()), y]
        lines.append(",".join(map(str, cells)))
    return "\n".join(lines) + "\n"


CLASSES = table([("u", "v", "w")[i % 3] for i in range(24)])
FLAGS = table([i % 2 for i in range(24)])
REAL = table([0.5 * (7 * i % 24) - 3 for i in range(24)])


def config(layers: Sequence[Any], loss: Any, *, metrics: Any = (), data: Any = None, **training: Any) -> Any:
    """A config over `data.csv`."""
    section = {"source": {"type": "csv", "path": "data.csv", "target": "y"}, "batch_size": 8}
    return {
        "nnctl": 1,
        "data": {**section, **(data or {})},
        "model": {"layers": list(layers)},
        "training": {"loss": loss, "metrics": list(metrics) if not isinstance(metrics, dict) else metrics}
        | training,
    }


def written(directory: Path, text: str, given: Mapping[str, Any]) -> Path:
    """The config's file, beside its data."""
    (directory / "data.csv").write_text(text)
    file = directory / "config.yaml"
    file.write_text(block(given))
    return file


def checked(directory: Path, text: str, given: Mapping[str, Any]) -> Checked:
    """What `check` finds."""
    return check(written(directory, text, given))


def said(directory: Path, text: str, given: Mapping[str, Any]) -> list[str]:
    """The warnings' messages."""
    return [warning.message for warning in checked(directory, text, given).warnings]
