"""Plugins: files or packages of the user's own, run only when the command line allows it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.document import read_document


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
            _import(str(name), directory)
        except Exception as error:
            raise ConfigError(
                Problem(f"cannot import plugin '{name}': {error}", ("plugins", index))
            ) from error


def _import(name: str, directory: Path) -> Any:
    """A plugin by path (ending in .py, relative to the config) or by module name."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = (directory / name).resolve()
    module_name = f"nnctl_plugin_{file.stem}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"there is no file {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
