"""Records: frozen dataclasses whose methods are written here, once.

`dataclasses.dataclass(frozen=True)` writes six functions as text for each class and compiles them. `check`
meets two hundred of our classes, which was a tenth of its time. A record has the same fields, arguments,
equality, hash and text, and `dataclasses.fields`, `replace` and `asdict` take it.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

Class = TypeVar("Class", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: Class) -> Class:
    """`@record`, for `@dataclass(frozen=True)`. What derives from a record is decorated as well."""
    made: Any = dataclass(init=False, repr=False, eq=False)(cls)
    for name, method in _METHODS.items():
        if vars(made).get(name) is None:
            setattr(made, name, method)
    fields: list[Field[Any]] = [made.__dataclass_fields__[name] for name in made.__match_args__]
    made._names = frozenset(made.__match_args__)
    made._defaults = {f.name: f.default for f in fields if f.default is not MISSING}
    made._factories = {f.name: f.default_factory for f in fields if f.default_factory is not MISSING}
    made._compared = attrgetter(*([f.name for f in fields if f.compare] or ["__class__"]))
    made._told = [f.name for f in fields if f.repr]
    return made  # type: ignore[no-any-return]


def _init(self: Any, *given: Any, **named: Any) -> None:
    if not named and len(given) == len(self._names):
        self.__dict__.update(zip(self.__match_args__, given, strict=True))
        return
    values = dict(zip(self.__match_args__, given, strict=False)) | named
    if len(values) < len(given) + len(named):
        raise TypeError(f"{type(self).__qualname__} has {_arguments(self)}: too many, or one twice")
    if len(values) < len(self._names):
        made = {name: factory() for name, factory in self._factories.items() if name not in values}
        values = self._defaults | made | values
    if values.keys() != self._names:
        odd = ", ".join(sorted(values.keys() ^ self._names))
        raise TypeError(f"{type(self).__qualname__} has {_arguments(self)}: not as given: {odd}")
    self.__dict__.update(values)


def _arguments(self: Any) -> str:
    return ", ".join(self.__match_args__) or "no arguments"


def _eq(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _repr(self: Any) -> str:
    said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._told)
    return f"{type(self).__qualname__}({said})"


def _setattr(self: Any, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
