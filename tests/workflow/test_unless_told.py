"""What no command does unless told: run a config's own code, replace a file, take a warning for an error."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import nnctl.workflow

LEAVES = {"allow_plugins", "force", "strict", "resume", "bare"}


def test_caution_is_the_default() -> None:
    """Of every function that has such a word among its parameters and does not ask for it."""
    seen = set()
    for module in pkgutil.iter_modules(nnctl.workflow.__path__, "nnctl.workflow."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            for word, parameter in inspect.signature(function).parameters.items():
                if word in LEAVES and parameter.default is not inspect.Parameter.empty:
                    assert parameter.default is False, f"{module.name}.{name}: {word}"
                    seen.add(word)
    assert seen == LEAVES
