"""Plugins: files or packages of the user's own, run only when the command line allows it."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import linecache
import re
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from nnctl.core.errors import ConfigError, FormulaError, Place, Problem
from nnctl.core.foreign import file_of, in_one_line, lacking
from nnctl.spec.yaml.document import read_document


def load_plugins(config: Path, allowed: bool) -> None:
    """Import what the config's `plugins` names, before anything else of the config is checked.

    Raises:
        ConfigError: plugins are named but not allowed, or one cannot be imported.
    """
    document = read_document(config)
    names = document.data.get("plugins") if isinstance(document.data, dict) else None
    try:
        allow_named(names, config.parent, allowed)
    except ConfigError as error:
        raise ConfigError(document.locate(error.problems)) from error.__cause__


def allow_named(names: Any, directory: Path, allowed: bool) -> None:
    """Import plugins by name, relative to `directory`; problems have paths below the config's root.

    Raises:
        ConfigError: plugins are named but not allowed, or one cannot be imported.
    """
    if not isinstance(names, list | tuple) or not names:
        return
    if not allowed:
        raise ConfigError(
            Problem(
                "this config runs code of its own", ("plugins",), expected="--allow-plugins, if you trust it"
            )
        )
    for index, name in enumerate(names):
        try:
            _remember(_import(str(name), directory))
        except (Exception, SystemExit) as error:
            message = f"cannot import plugin '{name}': {_where(error)}{in_one_line(error)}"
            raise ConfigError(Problem(message, ("plugins", index))) from error


_plugins: set[str] = set()
"""The files of plugins, and the folders of those that are packages."""


def _remember(module: ModuleType) -> None:
    file = getattr(module, "__file__", None)
    if file is not None:
        _plugins.add(str(Path(file).parent) if hasattr(module, "__path__") else file)


def plugin_error(error: BaseException) -> ConfigError | None:
    """What a plugin's code raised, or had raised, with the innermost place in it; None for other errors."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_plugin(f.filename)]
    if frames:
        frame = frames[-1]
        number = frame.lineno or 0
        place = Place(frame.filename, number, (frame.colno or 0) + 1, _line(frame.filename, number))
        return ConfigError(Problem(f"in {frame.name} of a plugin: {in_one_line(error)}", place=place))
    if isinstance(error, FormulaError) and _is_plugin(error.file):
        return ConfigError(Problem(error.message, place=_place(error.file, error.line)))
    missing = lacking(error)
    file = file_of(missing[0]) if missing else None
    if missing and file and _is_plugin(file):
        return ConfigError(Problem(missing[1], place=_place(file, _line_of(missing[0].__name__, file))))
    # Numba names the place in a kernel that it cannot compile only in its message.
    for file, number in reversed(re.findall(r'File "([^"\n]+)", line (\d+)', str(error))):
        for plugin in (p for p in _plugins if Path(p).name == Path(file).name):
            message = f"a plugin's kernel cannot be compiled: {in_one_line(error)}"
            return ConfigError(Problem(message, place=_place(plugin, int(number))))
    return None


def _line_of(name: str, file: str) -> int:
    """Where a file defines a class; its first line where no line says so."""
    begins = re.compile(rf"\s*class {name}\b").match
    return next((n for n, line in enumerate(linecache.getlines(file), 1) if begins(line)), 1)


def _place(file: str, number: int) -> Place:
    """A line of a plugin, from its first word on."""
    line = _line(file, number)
    return Place(file, number, len(line) - len(line.lstrip()) + 1, line)


def _is_plugin(file: str) -> bool:
    return file in _plugins or any(str(parent) in _plugins for parent in Path(file).parents)


def _line(file: str, number: int) -> str:
    linecache.checkcache(file)
    return linecache.getline(file, number).rstrip()


def _where(error: BaseException) -> str:
    """The line at which an import failed."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: "
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<")]
    outside = [f for f in frames if Path(f.filename) != Path(__file__)]
    return f"{outside[-1].filename}:{outside[-1].lineno}: " if outside else ""


class _Source(importlib.machinery.SourceFileLoader):
    """Runs what a file says now: byte code of the same second and length would pass for it."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import(name: str, directory: Path) -> ModuleType:
    """A plugin by path (ending in .py, relative to the config) or by module name."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = (directory / name).resolve()
    module_name = f"nnctl_plugin_{file.stem}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, file, loader=_Source(module_name, str(file)))
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"there is no file {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
