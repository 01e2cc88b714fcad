"""Every layer, every argument: shape rule, finite-difference gradients through the whole call, batch of 1."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.layers.harness import check, make
from tests.layers.keras_cases import CASES, MORE, everyday, uncovered


@pytest.mark.parametrize(("config", "shapes", "options"), everyday([*CASES, *MORE], 2), ids=str)
def test_layer(config: Any, shapes: Any, options: dict[str, Any]) -> None:
    check(config, *shapes, **options)


def test_every_layer_has_a_case() -> None:
    assert not uncovered()


@pytest.mark.parametrize(("config", "shapes", "options"), [*CASES, *MORE], ids=str)
def test_config_comes_back(config: Any, shapes: Any, options: dict[str, Any]) -> None:
    layer = make(config)
    written = json.loads(json.dumps({"type": type(layer).__name__, **layer.config()}))
    assert make(written) == layer
