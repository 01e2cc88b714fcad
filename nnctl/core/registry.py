"""Names to classes: one registry a family, filled when first asked.

A family is a package (`nnctl.layers`); every module in it registers its classes with the family's
decorator. Importing is deferred until a name is looked up, so `--help` pays nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
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
        made_in: The module of the package that makes classes of another family's (`make_of`), if one does.
    """

    def __init__(self, kind: str, package: str, made_in: str | None = None) -> None:
        self.kind = kind
        self.package = package
        self.made_in = made_in
        self._others: Registry[Any] | None = None
        self._make: Callable[[type[Any]], type[T] | None]
        self._classes: dict[str, type[T]] = {}
        self._aliases: dict[str, str] = {}
        self._modules: list[str] | None = None
        """Modules of the package that are not imported yet."""

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: make `cls` known under its name, its snake case and its `aliases`."""
        name = cls.__name__
        self._classes[name] = cls
        for alias in (snake_case(name), *getattr(cls, "aliases", ())):
            self._aliases[alias] = name
        return cls

    def make_of(self, others: Registry[Any], make: Callable[[type[Any]], type[T] | None]) -> None:
        """Have a class of this family for each of another's, of the same name: made when it is asked for.

        Args:
            make: Registers the class that it makes of another family's; None where that needs none.
        """
        self._others, self._make = others, make

    def get(self, name: str) -> type[T] | None:
        """The class a config calls `name` (class name, snake case or alias), or None.

        Only modules whose source speaks of the name are imported, unless none of them registers it.
        """
        if self._find(name) is None:
            for module in self._speaking_of(name):
                self._import(module)
                if self._find(name) is not None:
                    break
            if self._find(name) is None and self.made_in is not None:
                self._import(self.made_in)
                other = self._others.get(name) if self._others else None
                if other is not None:
                    self._make(other)
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
        sources = [file.read_text(encoding="utf-8") for file in self._folder().glob("*.py")]
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
        """Import every module of the family, make what is made of another's."""
        for module in list(self._pending()):
            self._import(module)
        if self._others is not None:
            for other in self._others.classes():
                if other.__name__ not in self._classes:
                    self._make(other)

    def _pending(self) -> list[str]:
        if self._modules is None:
            self._modules = [module.name for module in pkgutil.iter_modules([str(self._folder())])]
        return self._modules

    def _folder(self) -> Path:
        package: Any = importlib.import_module(self.package)
        return Path(package.__path__[0])

    def _import(self, module: str) -> None:
        if module in self._pending():
            self._pending().remove(module)
        importlib.import_module(f"{self.package}.{module}")

    def _speaking_of(self, name: str) -> Iterator[str]:
        """The modules that may register a name: as a class, as an alias, as a class in snake case."""
        sources = self._sources
        for told in (f"class {name}(", f'"{name}"'):
            yield from (module for module, source in sources.items() if told in source)
        for module, source in sources.items():
            if name in map(snake_case, _CLASS.findall(source)):
                yield module

    @cached_property
    def _sources(self) -> dict[str, str]:
        """The source of each module; nothing where there are none, so that `get` imports all modules."""
        folder, sources = self._folder(), dict[str, str]()
        for module in self._pending():
            with suppress(OSError), open(folder / f"{module}.py", encoding="utf-8") as file:
                sources[module] = file.read()
        return sources
