"""Makes what documentation can be read off the code: `make docs` (or `python docs/generate.py`).

- `docs/reference/*.md` and `docs/reference/schema.json` from the specs; a test holds them to be current.
- `docs/catalogue.md`, what of Keras's classes there is; held to be current, too.
- `docs/images/house.svg`, the packages and their imports; this, too, is held to be current.
- `docs/images/training.svg`, a picture of a real run, with `--picture` (it takes as long as the run).
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from inspect import cleandoc
from pathlib import Path
from typing import Any, cast

import catalogue
import house
import interop
from rich.console import Console, RenderableType

import nnctl
from nnctl.core.events import RunStarted, StepEnded
from nnctl.core.registry import Registry
from nnctl.formats.exports import base as exports
from nnctl.formats.predictions import base as predictions
from nnctl.report.live import Live
from nnctl.spec.output.schema import _FAMILIES, json_schema
from nnctl.workflow.train import start

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
CATALOGUE = DOCS / "catalogue.md"
INTEROP = DOCS / "interop.md"
HOUSE = DOCS / "images" / "house.svg"
PICTURE = DOCS / "images" / "training.svg"

Schema = dict[str, Any]

INTRODUCTIONS = {
    "layer": "What stands in a `layers` list. `name` and `trainable` belong to every layer and are left "
    "out of the tables below; so is `inputs`, which says what an entry reads (see "
    "[the language](../language.md)).",
    "activation": "What a layer's `activation` takes, by name or as a mapping with `type`.",
    "loss": "What `training.loss` takes.",
    "metric": "What `training.metrics` takes. `accuracy` is resolved as in Keras: binary, categorical or "
    "sparse, by the output and its target.",
    "optimizer": "What `training.optimizer` takes.",
    "schedule": "What an optimizer's `learning_rate` takes besides a number. Steps are updates, not epochs.",
    "initializer": "What a layer's `..._initializer` takes. A draw depends on the seed, the weight's name "
    "and nothing else, so adding a layer leaves the others' first weights as they were.",
    "regularizer": "What a layer's `..._regularizer` takes.",
    "constraint": "What a layer's `..._constraint` takes; applied after each update.",
    "callback": "What `training.callbacks` takes.",
    "data source": "What `data.source`, `train`, `validation` and `test` take; see [data](../data.md).",
}

SECTIONS = {
    "The whole": None,
    "data": "DataSpec",
    "data.columns": "ColumnSpec",
    "data.split": "SplitSpec",
    "data.window": "WindowSpec",
    "model": "ModelSpec",
    "model.inputs": "InputSpec",
    "model.initial_weights": "InitialWeights",
    "training": "TrainingSpec",
    "training.checkpoint": "CheckpointSpec",
    "sweep": "SweepSpec",
    "sweep.ranges": "Range",
}
"""The sections of a config and their definitions in the schema; None is the root."""


def pages() -> dict[Path, str]:
    """Every generated text by its file."""
    schema = json_schema()
    found = {REFERENCE / "schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n"}
    found[REFERENCE / "config.md"] = _joined(_config(schema))
    found[REFERENCE / "python.md"] = _joined(_python())
    found[REFERENCE / "export_formats.md"] = _joined(_export_formats())
    found[REFERENCE / "prediction_formats.md"] = _joined(_prediction_formats())
    found[HOUSE] = house.picture()
    found[INTEROP] = interop.page(INTEROP)
    found[CATALOGUE] = _joined(catalogue.page(page_of))
    for registry in _FAMILIES:
        found[REFERENCE / f"{page_of(registry.kind)}.md"] = _joined(_family(registry, schema))
    return found


def _python() -> Iterator[str]:
    """The names of `nnctl`, with their signatures and docstrings."""
    yield "# From Python"
    yield ""
    yield "Made by `docs/generate.py` from the code. How to use it: [from Python](../python.md)."
    for name in nnctl.__all__:
        found = getattr(nnctl, name)
        if isinstance(found, type) and issubclass(found, Exception):
            continue
        yield from _entry("##", name, found, f"nnctl.{name}")
        members = vars(found).items() if isinstance(found, type) else ()
        for member, value in members:
            if not member.startswith("_"):
                function = value.fget if isinstance(value, property) else value
                if inspect.isfunction(function):
                    called = "" if isinstance(value, property) else None
                    yield from _entry("###", f"{name}.{member}", function, f"{name}.{member}", called)
    yield from ("", "## Errors", "")
    for name in nnctl.__all__:
        found = getattr(nnctl, name)
        if isinstance(found, type) and issubclass(found, Exception):
            yield f"- `nnctl.{name}`: {' '.join(cleandoc(found.__doc__ or '').split())}"


def _export_formats() -> Iterator[str]:
    """What `--format` takes."""
    yield from ("# Export formats", "", "What `nnctl export --format` takes; see [export](../export.md).", "")
    yield "Made by `docs/generate.py` from the code."
    yield from ("", "| format | what is in it | opened by | files end in |", "| --- | --- | --- | --- |")
    for cls in exports.formats.classes():
        ending = f"`{cls.ending}`" + (" only" if cls.needs_ending else "")
        cells = (f"`{cls.__name__}`", _first_line(cls).removesuffix("."), cls.opened_by, ending)
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _prediction_formats() -> Iterator[str]:
    """What the ending of an output chooses."""
    yield from ("# Formats of predictions", "")
    yield from (
        "What the ending of `nnctl predict`'s output chooses; see [predict](../commands.md#predict).",
        "",
    )
    yield "Made by `docs/generate.py` from the code."
    yield from ("", "| ending | what is in it |", "| --- | --- |")
    for cls in predictions.formats.classes():
        yield f"| `.{cls.__name__}` | {_cell(_first_line(cls)).removesuffix('.')} |"


def _first_line(cls: type) -> str:
    return cleandoc(cls.__doc__ or "").splitlines()[0]


def _entry(
    level: str, title: str, documented: Any, shown: str, signature: str | None = None
) -> Iterator[str]:
    """A heading, a signature (unless one is given) and the docstring, its sections as lists."""
    if signature is None and not dataclasses.is_dataclass(documented):
        plain = list(inspect.signature(documented).parameters.values())
        parts = [str(p).replace("'", "").replace("AnyPath", "str | PathLike") for p in plain]
        at = next((i for i, p in enumerate(plain) if p.kind is p.KEYWORD_ONLY), None)
        parts = [*parts[:at], "*", *parts[at:]] if at is not None else parts
        shown += f"({', '.join(p for p in parts if p != 'self')})"
    yield from ("", f"{level} {title}", "", "```text", *textwrap.wrap(shown, 100), "```", "")
    text = cleandoc(documented.__doc__ or "")
    text = re.sub(r"\n {4}(\w+): ", r"\n- `\1`: ", text)
    text = re.sub(r"\n {4}(?! )", r"\n- ", text)
    yield re.sub(r"\n {8}", r"\n  ", text).replace(":\n- ", ":\n\n- ")


def page_of(kind: str) -> str:
    """The name of a family's page: loss -> losses, data source -> data_sources."""
    word = kind.replace(" ", "_")
    return f"{word}es" if word.endswith("ss") else f"{word}s"


def _joined(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _config(schema: Schema) -> Iterator[str]:
    yield "# Every field of a config"
    yield ""
    yield "Made by `docs/generate.py` from the code. How to use them: [the language](../language.md)."
    for title, name in SECTIONS.items():
        part = schema if name is None else schema["$defs"][name]
        part = next((p for p in part.get("anyOf", [part]) if "properties" in p), part)
        heading = title if name is None else f"`{title}`"
        yield from ("", f"## {heading}", "", part.get("description", ""), "")
        yield from _fields(part, ())


def _family(registry: Registry[Any], schema: Schema) -> Iterator[str]:
    title = page_of(registry.kind).replace("_", " ").capitalize()
    yield from (f"# {title}", "", INTRODUCTIONS[registry.kind], "")
    yield "Made by `docs/generate.py` from the code."
    yield from ("", "| name | what it does |", "| --- | --- |")
    for cls in registry.classes():
        yield f"| [{cls.__name__}](#{cls.__name__.lower()}) | {_cell(_first_line(cls))} |"
    word = registry.kind.replace(" ", "_")
    for cls in registry.classes():
        part = schema["$defs"][f"{word}.{cls.__name__}"]
        yield from ("", f"## {cls.__name__}", "", _prose(cleandoc(cls.__doc__ or "")), "")
        others = [spelling for spelling in part["properties"]["type"]["enum"] if spelling != cls.__name__]
        if others:
            yield from ("Also called " + ", ".join(f"`{other}`" for other in others) + ".", "")
        if registry.kind == "layer" and cls.input_names():
            yield from (f"Inputs by name: {_inputs(cls)}.", "")
        hidden = ("type", "name", "trainable", "inputs") if registry.kind == "layer" else ("type",)
        yield from _fields(part, hidden)


def _inputs(cls: Any) -> str:
    """The names of a layer's inputs, those that it needs first."""
    names, (fewest, _) = [f"`{name}`" for name in cls.input_names()], cls.takes()
    return ", ".join(names[:fewest] + [f"{name} (may be left out)" for name in names[fewest:]])


def _prose(text: str) -> str:
    """A docstring as Markdown: `Shapes:`, `Source:` and the like begin lines of their own."""
    joined = re.sub(r"(?<!\n)\n(?!\n|[A-Z][a-z]+:)", " ", text)
    joined = re.sub(r"(?<!\n)\n(?=[A-Z][a-z]+:)", "\n\n", joined)
    return joined.replace("*", "\\*").replace("<", "&lt;")


def _fields(part: Schema, hidden: tuple[str, ...]) -> Iterator[str]:
    shown = {name: about for name, about in part.get("properties", {}).items() if name not in hidden}
    if not shown:
        yield "No fields."
        return
    required = part.get("required", [])
    yield from ("| field | takes | default | meaning |", "| --- | --- | --- | --- |")
    for name, about in shown.items():
        default = (
            "required" if name in required else f"`{json.dumps(about.get('default'), ensure_ascii=False)}`"
        )
        cells = (f"`{name}`", takes(about), default, about.get("description", ""))
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def takes(about: Schema) -> str:
    """What a field takes, in words; `null` comes last."""
    kinds = dict.fromkeys(_kinds(about))
    return " or ".join(sorted(kinds, key=lambda kind: kind == "`null`"))


def _kinds(about: Schema) -> Iterator[str]:
    if "$ref" in about:
        yield _reference(about["$ref"].rpartition("/")[2])
    elif "anyOf" in about:
        for part in about["anyOf"]:
            yield from _kinds(part)
    elif "enum" in about or "const" in about:
        for value in about.get("enum", [about.get("const")]):
            yield f"`{value if isinstance(value, str) else json.dumps(value)}`"
    elif "type" in about:
        named = about["type"] if isinstance(about["type"], list) else [about["type"]]
        for kind in named:
            yield _plain(kind, about)
    else:
        yield "anything"


def _plain(kind: str, about: Schema) -> str:
    if kind == "boolean":
        return "`true` or `false`"
    if kind == "null":
        return "`null`"
    if kind == "array":
        items = about.get("prefixItems") or [about.get("items", {})]
        inner = ", ".join(_inside(item) if item else "anything" for item in items)
        count = f"{about['minItems']} times " if about.get("minItems", 0) == about.get("maxItems") else ""
        return f"a list of {count}{inner}"
    if kind == "object":
        inside = about.get("additionalProperties")
        return f"a mapping to {_inside(inside)}" if isinstance(inside, dict) else "a mapping"
    word = {"integer": "a whole number", "number": "a number", "string": "a text"}[kind]
    return word + _bounds(about)


def _inside(about: Schema) -> str:
    inner = takes(about)
    return f"({inner})" if " or " in inner else inner


def _bounds(about: Schema) -> str:
    lowest, above = about.get("minimum"), about.get("exclusiveMinimum")
    highest, below = about.get("maximum"), about.get("exclusiveMaximum")
    said = [
        f"{sign} {_short(v)}"
        for sign, v in ((">=", lowest), (">", above), ("<=", highest), ("<", below))
        if v is not None
    ]
    return f" {' and '.join(said)}" if said else ""


def _short(value: float) -> str:
    return "2^64" if value == 2**64 else f"{value:g}"


def _reference(name: str) -> str:
    family = name.partition(".")[0].replace("_", " ")
    if family in INTRODUCTIONS:
        article = "an" if family[0] in "aeiou" else "a"
        return f"[{article} {family}]({page_of(family)}.md)"
    section = next((title for title, definition in SECTIONS.items() if definition == name), None)
    if section is not None:
        return f"[`{section}`](config.md#{section.replace('.', '')})"
    return "[an entry](../language.md#layers)" if name in ("entry", "Entry") else f"`{name}`"


class Still:
    """Stands in for rich's live area: keeps what it would show."""

    shown: RenderableType = ""

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""

    def update(self, renderable: RenderableType, refresh: bool = False) -> None:
        """Keep it."""
        self.shown = renderable


def picture(config: Path, epoch: int = 11, width: int = 88) -> str:
    """The SVG of a terminal in the middle of an epoch of a real run of `config`."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, tempfile.TemporaryDirectory() as directory:
        console = Console(record=True, force_terminal=True, width=width, highlight=False, file=nowhere)
        console.print(f"[bold green]$[/] nnctl train {config.relative_to(DOCS.parent)}")
        live, still = Live(console), Still()
        live.live = cast(Any, still)
        training = start(config, run_dir=Path(directory) / "1")
        for event in training.events():
            if isinstance(event, RunStarted):
                event = replace(event, run_dir=Path("runs", event.name, "1"))
            here = isinstance(event, StepEnded) and event.epoch + 1 == epoch
            if here and event.step_in_epoch * 5 > event.steps_per_epoch * 3:
                live.drawn = 0.0
                live.show(event)
                break
            live.show(event)
        console.print(still.shown)
        return _self_contained(console.export_svg(title="nnctl", unique_id="nnctl"))


_TEXT = re.compile(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>((?:&#160;)+)(?=[^&<\s])')
_COLUMN = 12.2
"""The width of a character in rich's SVG."""


def _self_contained(svg: str) -> str:
    """No fonts from elsewhere; text begins where its first letter is (some renderers drop leading spaces)."""

    def moved(found: re.Match[str]) -> str:
        x, y, length, rest, spaces = found.groups()
        by = len(spaces) // len("&#160;") * _COLUMN
        return f'x="{float(x) + by:g}" y="{y}" textLength="{float(length) - by:g}"{rest}>'

    return _TEXT.sub(moved, re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S))


def main(arguments: list[str]) -> None:
    """Write everything; with `--picture`, the picture as well."""
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
    if "--picture" in arguments:
        PICTURE.write_text(picture(DOCS.parent / "configs" / "digits_cnn.yaml"), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
