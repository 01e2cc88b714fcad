"""Names to classes: one registry a family, filled when first asked.

A family is a package (`nnctl.layers`); every module in it registers its classes with the family's
decorator. Importing is deferred until a name is looked up, so `--help` pays nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)
_REGISTERED = re.compile(r"^@register\n(?:@.*\n)*class (\w+)\(", re.MULTILINE)


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
        self._modules: dict[str, Path] | None = None
        """Modules of the package that are not imported yet, with their source files."""

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: make `cls` known under its name, its snake case and its `aliases`."""
        name = cls.__name__
        self._classes[name] = cls
        for alias in (snake_case(name), *getattr(cls, "aliases", ())):
            self._aliases[alias] = name
        return cls

    def get(self, name: str) -> type[T] | None:
        """The class a config calls `name` (class name, snake case or alias), or None.

        Only modules whose source speaks of the name are imported, unless none of them registers it.
        """
        if self._find(name) is None:
            for module in list(self._pending()):
                if self._speaks_of(module, name):
                    self._import(module)
            if self._find(name) is None:
                self._load()
        return self._find(name)

    def _find(self, name: str) -> type[T] | None:
        return self._classes.get(self._aliases.get(name, name))

    def names(self) -> list[str]:
        """Every class name, sorted."""
        self._load()
        return sorted(self._classes)

    def declared(self) -> list[str]:
        """Every class name in the family's package, sorted; read off the sources, nothing is imported."""
        package: Any = importlib.import_module(self.package)
        sources = [file.read_text(encoding="utf-8") for file in Path(package.__path__[0]).glob("*.py")]
        return sorted(name for source in sources for name in _REGISTERED.findall(source))

    def words(self) -> list[str]:
        """Every word a config may use: class names and aliases."""
        self._load()
        return sorted({*self._classes, *self._aliases})

    def classes(self) -> list[type[T]]:
        """Every class, by name."""
        self._load()
        return [self._classes[name] for name in self.names()]

    def _load(self) -> None:
        """Import every module of the family."""
        for module in list(self._pending()):
            self._import(module)

    def _pending(self) -> dict[str, Path]:
        if self._modules is None:
            package: Any = importlib.import_module(self.package)
            folder = Path(package.__path__[0])
            self._modules = {
                module.name: folder / f"{module.name}.py" for module in pkgutil.iter_modules(package.__path__)
            }
        return self._modules

    def _import(self, module: str) -> None:
        self._pending().pop(module, None)
        importlib.import_module(f"{self.package}.{module}")

    def _speaks_of(self, module: str, name: str) -> bool:
        """Whether a module's source defines a class of this name or mentions it as an alias."""
        file = self._pending()[module]
        try:
            source = file.read_text(encoding="utf-8")
        except OSError:
            return True
        if f'"{name}"' in source:
            return True
        return any(name in (found, snake_case(found)) for found in _CLASS.findall(source))
