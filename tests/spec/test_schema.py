"""The JSON Schema: valid, complete, and of one mind with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnctl.spec.output.schema import json_schema
from nnctl.spec.yaml.document import parse_document, read_document
from nnctl.spec.yaml.source_text import SourceText

from .conftest import GOOD, Load
from .test_names import GRAPH

jsonschema = pytest.importorskip("jsonschema")

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def errors(schema: dict[str, Any], data: Any) -> list[str]:
    return [e.json_path for e in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    for name, part in {"": schema, **schema["$defs"]}.items():
        for field, about in part.get("properties", {}).items():
            assert about.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("text", [GOOD, GRAPH])
def test_good_configs_validate_also_when_resolved(loads: Load, schema: dict[str, Any], text: str) -> None:
    loaded = loads(text)
    assert errors(schema, loaded.original.data) == []
    assert errors(schema, loaded.resolved()) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_configs_validate(schema: dict[str, Any], path: Path) -> None:
    assert errors(schema, read_document(path).data) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("units: 10", "unit: 10", "$.model.layers[4]"),
        ("units: 10", "units: 0", "$.model.layers[4]"),
        ("- Flatten", "- Flaten", "$.model.layers[2]"),
        ("- Flatten", "- {use: 3}", "$.model.layers[2]"),
        ("epochs: 20", "epoch: 20", "$.training"),
        ("optimizer: adam", "optimizer: adamm", "$.training.optimizer"),
        ("metrics: [accuracy]", "metrics: [accurcy]", "$.training.metrics"),
        ("activation: relu", "activation: {type: relux}", "$.model.layers[0]"),
        ("nnctl: 1", "nnctl: 2", "$.nnctl"),
        ("seed: 7", "seed: -1", "$.seed"),
        ("batch_size: 32", "batchsize: 32", "$.data"),
    ],
)
def test_wrong_configs_do_not(schema: dict[str, Any], old: str, new: str, where: str) -> None:
    data = parse_document(SourceText("c", GOOD.replace(old, new))).data
    assert errors(schema, data) == [where]
