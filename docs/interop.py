"""The tables of `docs/interop.md`: what formats keep, which hold each layer; the rest is text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nnctl.formats.exports.base import PARTS, ExportFormat, formats
from nnctl.formats.imports.base import ImportFormat, imports
from nnctl.layers.base import layers

KEPT, KEPT_END = "<!-- what is kept, made by docs/generate.py -->", "<!-- until here it is kept -->"
BEGIN, END = "<!-- made by docs/generate.py -->", "<!-- until here -->"


def columns() -> dict[str, Mapping[str, str]]:
    """By title: what a format does not hold, or not bring over, by layer."""
    ways: dict[str, list[type[ExportFormat] | type[ImportFormat]]] = {
        "out": [*formats.classes()],
        "in": [*imports.classes()],
    }
    found = {(cls.__name__, way): cls.layers for way, some in ways.items() for cls in some}
    return {
        f"`{name}` {way}": found[name, way]  # type: ignore[misc]
        for name, way in sorted(found, key=lambda column: (column[0], column[1] == "in"))
        if found[name, way] is not None
    }


def page(file: Path) -> str:
    """The page with its tables anew."""
    text = file.read_text(encoding="utf-8")
    for begin, end, table in ((KEPT, KEPT_END, _kept()), (BEGIN, END, _table(columns()))):
        before, rest = text.split(begin)
        _, after = rest.split(end)
        lines = "\n".join(table)
        text = f"{before}{begin}\n\n{lines}\n\n{end}{after}"
    return text


def _kept() -> Iterator[str]:
    yield f"| format | {' | '.join(PARTS)} |"
    yield "| --- |" + " --- |" * len(PARTS)
    for cls in formats.classes():
        cells = ("yes" if part in cls.keeps else "no" for part in PARTS)
        yield f"| `{cls.__name__}` | {' | '.join(cells)} |"


def _table(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"| layer | {' | '.join(found)} |"
    yield "| --- |" + " --- |" * len(found)
    for cls in layers.classes():
        if not cls.is_input:
            cells = (_cell(held.get(cls.__name__)) for held in found.values())
            yield f"| {cls.__name__} | {' | '.join(cells)} |"


def _cell(reason: str | None) -> str:
    return "yes" if reason is None else f"no: {reason}"
