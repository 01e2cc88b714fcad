"""The table of `docs/interop.md`: each layer, and which formats hold it; the rest of the page is text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nnctl.formats.exports.base import formats
from nnctl.layers.base import layers

BEGIN, END = "<!-- made by docs/generate.py -->", "<!-- until here -->"


def columns() -> dict[str, Mapping[str, str]]:
    """By title: what a format does not hold, by layer."""
    return {f"`{cls.__name__}`": cls.layers for cls in formats.classes() if cls.layers is not None}


def page(file: Path) -> str:
    """The page with its table anew."""
    before, rest = file.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    table = "\n".join(_table(columns()))
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _table(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"| layer | {' | '.join(found)} |"
    yield "| --- |" + " --- |" * len(found)
    for cls in layers.classes():
        if not cls.is_input:
            cells = (_cell(held.get(cls.__name__)) for held in found.values())
            yield f"| {cls.__name__} | {' | '.join(cells)} |"


def _cell(reason: str | None) -> str:
    return "yes" if reason is None else f"no: {reason}"
