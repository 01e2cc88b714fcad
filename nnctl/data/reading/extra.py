"""Packages that read one kind of data, and come with an extra: imported only where a source needs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nnctl.core.errors import ConfigError, Problem


def extra(module: str, package: str, name: str, source: str) -> Any:
    """The module of a package that the extra `name` installs.

    Raises:
        ConfigError: it is not installed; says what installs it.
    """
    try:
        return import_module(module)
    except ImportError:
        message = f"the data source {source} needs the package {package}"
        raise ConfigError(Problem(message, ("data",), f"pip install 'nnctl[{name}]'")) from None
