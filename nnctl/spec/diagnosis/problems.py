"""Pydantic's errors as problems: paths in the document, a user's words, the nearest valid word."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import Path, Problem, nearest
from nnctl.core.records import record
from nnctl.core.spec import Spec
from nnctl.spec.diagnosis.belongs import where_it_belongs
from nnctl.spec.diagnosis.expectation import expectation, one_of, words
from nnctl.spec.diagnosis.keras_names import has_keras, keras_has_argument, without
from nnctl.spec.diagnosis.renamed import field_now, written_now
from nnctl.spec.diagnosis.unions import Fault, prune, read_faults
from nnctl.spec.language.annotations import kinds, known_keys, slots, specs, value_at
from nnctl.spec.yaml.emit import flow

MOST = 200
"""So many problems are reported; a config with more is no config."""


def problems_of(error: ValidationError, model: type[Spec], data: Any) -> list[Problem]:
    """Every problem that `error`, raised when `model` read `data`, stands for.

    Args:
        error: From `model.model_validate(data)`; errors of nested specs included.
        model: The class that was to be read.
        data: The plain data, as in the document.
    """
    faults = prune(read_faults(error, data))
    problems = [_Reading(model, data, fault).problem() for fault in faults[:MOST]]
    if len(faults) > MOST:
        problems.append(Problem(f"and {len(faults) - MOST} more problems", faults[MOST].path))
    return problems


@record
class _Reading:
    """One fault with what is known about the place where it is."""

    model: type[Spec]
    data: Any
    fault: Fault

    def problem(self) -> Problem:
        kind = self.fault.kind
        special = {
            "missing": self._missing,
            "missing_type": self._missing_type,
            "extra_forbidden": self._unknown_key,
            "unknown_type": self._unknown_type,
        }
        if kind in special:
            return special[kind]()
        if kind in _WORDED or not (self.fault.builtin or kind == "not_a_choice"):
            return self._worded()
        return self._misfit()

    @property
    def path(self) -> Path:
        return self.fault.path

    def _missing(self) -> Problem:
        if isinstance(self.fault.missing, int):  # an entry of a list that is too short
            return self._misfit()
        name = str(self.fault.missing)
        annotations = slots(self.model, self.data, (*self.path, name))
        wanted = _first(expectation(a) for a in annotations)
        expected = f"{name}: {wanted}" if wanted else None
        return Problem(f"{self._owner()} needs '{name}'", path=self.path, expected=expected)

    def _missing_type(self) -> Problem:
        kind = self.fault.context.get("kind", "choice")
        article = "an" if kind[0] in "aeiou" else "a"
        keys = list(self.fault.input) if isinstance(self.fault.input, dict) else []
        close = nearest("type", keys)
        message = f"{article} {kind} needs 'type'"
        if close:
            return Problem(message, (*self.path, close), suggestion="type", at_key=True)
        return Problem(message, self.path, expected=self._expected() or "a mapping with 'type'")

    def _unknown_key(self) -> Problem:
        *parent, key = self.path
        above = tuple(parent)
        mapping = value_at(self.data, above)
        annotations = list(slots(self.model, self.data, above))
        known = list(dict.fromkeys(key for a in annotations for key in known_keys(a, mapping)))
        classes = [cls for annotation in annotations for cls in specs(annotation, mapping)]
        families = [kind for annotation in annotations for kind in kinds(annotation)]
        owners = [*(cls.__name__ for cls in classes), *families]
        renamed, told = field_now(owners, str(key), known), written_now(owners, str(key))
        # What an old word has become comes before the word that happens to look like it.
        close = renamed or (None if told else nearest(str(key), known))
        # A longer word that ends in it is no typo of it: `batch_size` may stand in the wrong section.
        sure = renamed or (close and not close.endswith(f"_{key}"))
        home = None if sure or told else where_it_belongs(self.model, self.data, above, str(key))
        close = None if home else close
        expected = told or home or (one_of(known) if known else None)
        message = f"{self._owner(above)} has no key '{key}'"
        in_keras = keras_has_argument(families, str(key)) or any(key in cls.keras_only for cls in classes)
        if home is None and not renamed and not told and in_keras:
            message = f"Keras's {self._owner(above)} has '{key}'; nnctl's does not have it yet"
            close = None
        return Problem(message, self.path, expected=expected, suggestion=close, at_key=True)

    def _unknown_type(self) -> Problem:
        context = self.fault.context
        kind, name = str(context.get("kind", "choice")), str(context.get("name"))
        is_mapping = isinstance(self.fault.input, dict)
        path = (*self.path, "type") if is_mapping else self.path
        given = value_at(self.data, path)
        if not isinstance(given, str):
            return Problem(f"'type' cannot be {_shown(given)}", path, expected=f"the name of a {kind}")
        why = without(kind, name)
        if why is not None:
            return Problem(f"Keras has the {kind} {name}; nnctl does not: {why}", path)
        known = list(context.get("words", []))
        message = f"nnctl has no {kind} '{name}'"
        if has_keras(kind, name):
            message = f"Keras has the {kind} {name}; nnctl does not have it yet"
        expected = one_of(known) if known else None
        return Problem(message, path, expected=expected, suggestion=context.get("nearest"))

    def _worded(self) -> Problem:
        """A validator's own words."""
        context = self.fault.context
        inner = context.get("error")
        message = str(inner) if inner is not None else self.fault.message
        field = context.get("field") or getattr(inner, "field", None)
        path = (*self.path, str(field)) if field else self.path
        if message.startswith("expected "):
            return self._misfit(message.removeprefix("expected "))
        expected = context.get("expected") or getattr(inner, "expected", None)
        return Problem(message, path, expected=expected, suggestion=context.get("nearest"))

    def _misfit(self, expected: str | None = None) -> Problem:
        value = self.fault.input
        annotations = slots(self.model, self.data, self.path)
        choices = [word for a in annotations for word in words(a)]
        close = nearest(value, choices) if isinstance(value, str) else None
        name = next((str(step) for step in reversed(self.path) if isinstance(step, str)), None)
        verb = "cannot hold" if self.path and isinstance(self.path[-1], int) else "cannot be"
        subject = f"'{name}'" if name else "the config"
        message = f"{subject} {verb} {_shown(value)}"
        expected = (
            expected or self._length() or self._expected() or _FALLBACK.get(self.fault.kind) or self._said()
        )
        return Problem(message, self.path, expected=expected, suggestion=close, at_key=self.fault.at_key)

    def _expected(self) -> str | None:
        return _first(expectation(a) for a in slots(self.model, self.data, self.path))

    def _length(self) -> str | None:
        """What a list, mapping or text of the wrong length should have."""
        bounds = {"min_length": "at least", "max_length": "at most"}
        unit = "character" if self.fault.kind.startswith("string") else "entry"
        for key, bound in bounds.items():
            if key in self.fault.context:
                count = self.fault.context[key]
                many = unit if count == 1 else "characters" if unit == "character" else "entries"
                return f"{bound} {count} {many}"
        return None

    def _said(self) -> str:
        return self.fault.message.removeprefix("Input should be ").removeprefix("Value error, ")

    def _owner(self, path: Path | None = None) -> str:
        """What the mapping at `path` is called: its type, or its key."""
        path = self.path if path is None else path
        value = value_at(self.data, path)
        kind = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str):
            return kind
        if not path:
            return "the config"
        return f"'{path[-1]}'" if isinstance(path[-1], str) else f"entry {path[-1]} of '{path[-2]}'"


_WORDED = frozenset(["value_error", "assertion_error"])
"""Errors whose message a validator wrote."""

_FALLBACK = {
    "not_a_choice": "a name or a mapping with 'type'",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "null",
}


def _first(found: Any) -> str | None:
    return next((text for text in found if text), None)


def _shown(value: Any) -> str:
    """The value as it would be written, cut short."""
    if isinstance(value, str):
        return f"'{value[:40]}...'" if len(value) > 40 else f"'{value}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        text = flow(value) if len(value) < 8 else ""
        return text if text and len(text) <= 40 else f"a list of {len(value)}"
    if not isinstance(value, int | float | None):
        return f"a {type(value).__name__}"
    return flow(value)
