"""Whether the names in a `layers` list are good: unique, well formed, and what is read stands above.

Needs no shapes. Works on plain data, so that these problems are reported together with those of wrong fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from nnctl.core.errors import Path, Problem, nearest
from nnctl.core.records import record
from nnctl.layers.base import Layer
from nnctl.layers.wrapper import Holding
from nnctl.spec.diagnosis.calls import call_problems
from nnctl.spec.diagnosis.expectation import one_of
from nnctl.spec.language.names import Named, named_entries, wrong_name
from nnctl.spec.yaml.document import Document

_NEAREST = 200
"""So many of the names above are searched for the nearest one."""


@record
class LayerList:
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

    @cached_property
    def first(self) -> dict[str, int]:
        """Where each name is first given; inputs at -1."""
        found = dict.fromkeys(self.inputs, -1)
        for index, entry in enumerate(self.entries):
            if entry.known:
                found.setdefault(entry.name, index)
        return found

    def above(self, index: int) -> list[str]:
        """The names that the entry at `index` may read, the nearest ones where there are very many."""
        return [name for name, at in self.first.items() if at < index][-_NEAREST:]

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
            if entry.is_input and entry.says_inputs:
                yield Problem("an Input reads nothing", (*here, "inputs"), at_key=True)
                continue
            for below, name in entry.reads:
                yield from self._read(index, (*here, *below), name)
            layer = self._called(index)
            if layer is not None and isinstance(entry.raw, dict):
                yield from call_problems(layer, entry.raw, here)
            yield from self._inner(here, entry)

    def _own_name(self, index: int, entry: Named) -> Iterator[Problem]:
        given = entry.raw.get("name") if isinstance(entry.raw, dict) else None
        if not isinstance(given, str):
            return
        path = (*self.path, index, "name")
        wrong = wrong_name(given)
        if wrong:
            yield Problem(f"'{given}' cannot be a name: {wrong}", path)
        elif self.first.get(given, index) < 0:
            yield Problem(f"the name '{given}' is already that of an input", path)
        elif self.first.get(given, index) < index:
            line = self.document.place((*self.path, self.first[given])).line
            yield Problem(f"the name '{given}' is already that of the entry in line {line}", path)

    def _use(self, index: int, entry: Named) -> Iterator[Problem]:
        if entry.use is None:
            return
        path = (*self.path, index, "use")
        at = self.first.get(entry.use, index)
        if at < 0:
            yield Problem(f"'{entry.use}' is an input; `use` calls a layer again", path)
        elif at < index and self.entries[at].use is not None:
            own = self.entries[at].use
            message = f"'{entry.use}' is a call, not a layer"
            yield Problem(message, path, expected=f"use: {own}", suggestion=own)
        elif at >= index:
            layers_above = [name for name in self.above(index) if self._is_layer(name)]
            yield self._unknown(index, path, entry.use, layers_above)

    def _called(self, index: int) -> type[Layer] | None:
        """The class of the layer that an entry calls."""
        entry = self.entries[index]
        at = index if entry.use is None else self.first.get(entry.use, index)
        return self.entries[at].layer if 0 <= at <= index else None

    def _is_layer(self, name: str) -> bool:
        at = self.first[name]
        return at >= 0 and self.entries[at].use is None

    def _read(self, index: int, path: Path, text: str) -> Iterator[Problem]:
        name, colon, number = text.partition(":")
        if colon and not (number.isascii() and number.isdigit()):
            yield Problem(f"'{text}' names no output", path, expected=f"'{name}' or '{name}:1'")
        elif self.first.get(name, index) >= index:
            yield self._unknown(index, path, name, self.above(index))

    def _unknown(self, index: int, path: Path, name: str, above: list[str]) -> Problem:
        own, at = self.entries[index], self.first.get(name)
        if at == index:
            return Problem(f"'{name}' is this entry itself; it reads entries above it", path)
        if at is not None:
            return Problem(f"'{name}' comes later; a layer reads entries above it", path)
        expected = one_of(above) if above else "a name that stands above"
        what = "layer" if name == own.use else "input or layer"
        message = f"no {what} above is called '{name}'"
        return Problem(message, path, expected=expected, suggestion=nearest(name, above))

    def _inner(self, here: Path, entry: Named) -> Iterator[Problem]:
        """Problems in the list of a nested model, or in those of models that a layer holds."""
        if entry.layer is None or not isinstance(entry.raw, dict):
            return
        nests = entry.layer.nests
        if nests is None:
            for key, raw in entry.raw.items() if issubclass(entry.layer, Holding) else ():
                for held in named_entries([raw], []) if isinstance(raw, dict) else ():
                    yield from self._inner((*here, key), held)
            return
        entries = named_entries(entry.raw.get("layers"), [])
        scope = LayerList(self.document, (*here, "layers"), entries, [], nests == "chain")
        yield from scope.problems()
        if nests == "graph":
            yield from scope.outputs((*here, "outputs"), entry.raw.get("outputs"))

    @cached_property
    def _stand_ins(self) -> set[str]:
        """Names of entries that are wrong themselves, as they would be called."""
        return {entry.name for entry in self.entries if not entry.known}

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
            elif name not in self.first and name not in self._stand_ins:
                known = self.above(len(self.entries))
                expected = one_of(known) if known else None
                close = nearest(name, known)
                yield Problem(f"no layer is called '{name}'", place, expected=expected, suggestion=close)
