"""Names inside a model: what each entry is called, and whether what it reads is there. Needs no shapes.

Works on plain data, so that these problems are reported together with those of wrong fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nnctl.core.errors import Path, Problem, nearest
from nnctl.core.registry import snake_case
from nnctl.layers.base import layers
from nnctl.layers.entry import number_names
from nnctl.spec.document import Document
from nnctl.spec.expectation import one_of

IMPLIED_INPUT = "input"
"""What the input is called where a model declares none."""

_RESERVED = "/:."


@dataclass(frozen=True)
class Named:
    """An entry of a `layers` list, as far as its names go."""

    name: str
    type: str | None
    use: str | None
    raw: Any
    known: bool = True
    """Whether it has a name of its own or a type that nnctl has; else its name is only a stand-in."""

    @property
    def reads(self) -> list[tuple[Path, str]]:
        """What it names as its inputs, with the path below the entry."""
        given = self.raw.get("inputs") if isinstance(self.raw, dict) else None
        if isinstance(given, str):
            return [(("inputs",), given)]
        if isinstance(given, list):
            return [(("inputs", i), name) for i, name in enumerate(given) if isinstance(name, str)]
        return []

    @property
    def says_inputs(self) -> bool:
        """Whether it says what it reads."""
        return isinstance(self.raw, dict) and self.raw.get("inputs") is not None


def named_entries(raw: Any, taken: list[str]) -> list[Named]:
    """The entries of a `layers` list with the names they go by."""
    entries = raw if isinstance(raw, list) else []
    kinds = [_kind(entry) for entry in entries]
    names = number_names([(given, base) for given, base, _, _ in kinds], taken)
    return [
        Named(name, kind, use, entry, given is not None or _is_known(kind, use, names[:index]))
        for index, (name, (given, _, kind, use), entry) in enumerate(zip(names, kinds, entries, strict=True))
    ]


def _is_known(kind: str | None, use: str | None, above: list[str]) -> bool:
    return use in above if use is not None else kind is not None and layers.get(kind) is not None


def _kind(entry: Any) -> tuple[str | None, str, str | None, str | None]:
    """(given name, base name, type, use) of one entry, whatever it is."""
    fields = entry if isinstance(entry, dict) else {"type": entry}
    kind, use, name = fields.get("type"), fields.get("use"), fields.get("name")
    given = name if isinstance(name, str) and name else None
    if isinstance(use, str):
        return given, use, None, use
    cls = layers.get(kind) if isinstance(kind, str) else None
    known = cls.__name__ if cls is not None else kind if isinstance(kind, str) else None
    return given, snake_case(known or "entry") or "entry", known, None


@dataclass(frozen=True)
class Scope:
    """A `layers` list with its namespace.

    Attributes:
        document: For the lines that messages name.
        path: Where the list is.
        inputs: The names of the inputs that are declared outside the list.
        chain: Whether it is a Sequential's list: no `inputs`, no `use`.
    """

    document: Document
    path: Path
    entries: list[Named]
    inputs: list[str]
    chain: bool = False

    @property
    def names(self) -> list[str]:
        """Every name, inputs first."""
        return self.inputs + [entry.name for entry in self.entries]

    def above(self, index: int) -> list[str]:
        """The names that the entry at `index` may read."""
        return self.inputs + [entry.name for entry in self.entries[:index] if entry.known]

    def problems(self) -> Iterator[Problem]:
        """Wrong, double and unknown names, here and in nested lists."""
        for index, entry in enumerate(self.entries):
            here = (*self.path, index)
            yield from self._own_name(index, entry)
            if self.chain and (entry.use is not None or entry.says_inputs):
                key = "use" if entry.use is not None else "inputs"
                message = f"a Sequential is a plain chain; '{key}' cannot stand in it"
                yield Problem(message, (*here, key), expected="type: Functional for the layers around it")
                continue
            yield from self._use(index, entry)
            if entry.type == "Input" and entry.says_inputs:
                yield Problem("an Input reads nothing", (*here, "inputs"), at_key=True)
                continue
            for below, name in entry.reads:
                yield from self._read(index, (*here, *below), name)
            yield from self._inner(here, entry)

    def _own_name(self, index: int, entry: Named) -> Iterator[Problem]:
        given = entry.raw.get("name") if isinstance(entry.raw, dict) else None
        if not isinstance(given, str):
            return
        path = (*self.path, index, "name")
        wrong = wrong_name(given)
        if wrong:
            yield Problem(f"'{given}' cannot be a name: {wrong}", path)
        elif given in self.inputs:
            yield Problem(f"the name '{given}' is already that of an input", path)
        else:
            first = self.names.index(given) - len(self.inputs)
            if first < index:
                line = self.document.place((*self.path, first)).line
                yield Problem(f"the name '{given}' is already that of the entry in line {line}", path)

    def _use(self, index: int, entry: Named) -> Iterator[Problem]:
        if entry.use is None:
            return
        path = (*self.path, index, "use")
        above = [e.name for e in self.entries[:index] if e.use is None and e.known]
        if entry.use in above:
            return
        if entry.use in self.inputs:
            yield Problem(f"'{entry.use}' is an input; `use` calls a layer again", path)
        else:
            yield self._unknown(index, path, entry.use, above)

    def _read(self, index: int, path: Path, text: str) -> Iterator[Problem]:
        name, colon, number = text.partition(":")
        above = self.above(index)
        if colon and not (number.isascii() and number.isdigit()):
            yield Problem(f"'{text}' names no output", path, expected=f"'{name}' or '{name}:1'")
        elif name not in above:
            yield self._unknown(index, path, name, above)

    def _unknown(self, index: int, path: Path, name: str, above: list[str]) -> Problem:
        own, later = self.entries[index], [e.name for e in self.entries[index + 1 :] if e.known]
        if name == own.name and own.known:
            return Problem(f"'{name}' is this entry itself; it reads entries above it", path)
        if name in later:
            return Problem(f"'{name}' comes later; a layer reads entries above it", path)
        expected = one_of(above) if above else "a name that stands above"
        what = "layer" if name == own.use else "input or layer"
        message = f"no {what} above is called '{name}'"
        return Problem(message, path, expected=expected, suggestion=nearest(name, above))

    def _inner(self, here: Path, entry: Named) -> Iterator[Problem]:
        if entry.type not in ("Sequential", "Functional") or not isinstance(entry.raw, dict):
            return
        entries = named_entries(entry.raw.get("layers"), [])
        own = any(inner.type == "Input" for inner in entries)
        inputs = [] if own else [IMPLIED_INPUT]
        chain = entry.type == "Sequential"
        scope = Scope(self.document, (*here, "layers"), entries, inputs, chain)
        yield from scope.problems()
        if not chain:
            yield from scope.outputs((*here, "outputs"), entry.raw.get("outputs"))

    def outputs(self, path: Path, given: Any) -> Iterator[Problem]:
        """Problems of an `outputs` field that names entries of this list."""
        listed = [(path, given)] if isinstance(given, str) else []
        if isinstance(given, list):
            listed = [((*path, i), name) for i, name in enumerate(given)]
        seen: set[str] = set()
        for place, text in listed:
            if not isinstance(text, str):
                continue
            name, colon, number = text.partition(":")
            if text in seen:
                yield Problem(f"the output '{text}' is given twice", place)
            seen.add(text)
            if colon and not (number.isascii() and number.isdigit()):
                yield Problem(f"'{text}' names no output", place, expected=f"'{name}' or '{name}:1'")
            elif name not in self.names:
                known = list(dict.fromkeys(self.above(len(self.entries))))
                expected = one_of(known) if known else None
                close = nearest(name, known)
                yield Problem(f"no layer is called '{name}'", place, expected=expected, suggestion=close)


def wrong_name(name: str) -> str | None:
    """Why `name` cannot be the name of a layer or an input, or None."""
    if not name.strip() or name != name.strip():
        return "it is empty or begins or ends with a space"
    found = [char for char in name if char in _RESERVED or not char.isprintable()]
    if found:
        return f"it holds {found[0]!r}"
    return "it is a number" if name.isdigit() else None
