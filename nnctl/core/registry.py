"""Names to classes: one registry a family, filled when first asked.

A family is a package (`nnctl.layers`); every module in it registers its classes with the family's
decorator. Importing is deferred until a name is looked up, so `--help` pays nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def snake_case(name: str) -> str:
    """Keras's spelling of a class name as an identifier: GlorotUniform -> glorot_uniform."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


class Registry(Generic[T]):
    """The classes of one family by the names a config may use.

    Args:
        kind: What a user calls one of these ("layer", "optimizer"); used in errors.
        package: The package whose modules register the classes.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._classes: dict[str, type[T]] = {}
        self._aliases: dict[str, str] = {}
        self._loaded = False

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: make `cls` known under its name, its snake case and its `aliases`."""
        name = cls.__name__
        self._classes[name] = cls
        for alias in (snake_case(name), *getattr(cls, "aliases", ())):
            self._aliases[alias] = name
        return cls

    def get(self, name: str) -> type[T] | None:
        """The class a config calls `name` (class name, snake case or alias), or None."""
        self._load()
        return self._classes.get(self._aliases.get(name, name))

    def names(self) -> list[str]:
        """Every class name, sorted."""
        self._load()
        return sorted(self._classes)

    def words(self) -> list[str]:
        """Every word a config may use: class names and aliases."""
        self._load()
        return sorted({*self._classes, *self._aliases})

    def classes(self) -> list[type[T]]:
        """Every class, by name."""
        self._load()
        return [self._classes[name] for name in self.names()]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package: Any = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
