"""Tables of embeddings for TensorBoard's projector: a list of them, and each table as text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nnctl.core.arrays import Array

CONFIG = "projector_config.pbtxt"


def tables(layers: Mapping[str, str]) -> list[str]:
    """The layers that hold a table of vectors, of the types of all layers by name."""
    return [name for name, kind in layers.items() if kind in ("Embedding", "ReversibleEmbedding")]


def tensor_path(layer: str) -> str:
    """The file of a layer's table, from the log directory."""
    return f"embeddings/{layer.replace('/', '.')}.tsv"


def config(layers: list[str], metadata: str | Mapping[str, str] | None) -> bytes:
    """Which tables there are, and which file says what their rows mean (protobuf's text format)."""
    lines = []
    for layer in layers:
        fields = {"tensor_name": f"{layer}/embeddings", "tensor_path": tensor_path(layer)}
        meant = metadata.get(layer) if isinstance(metadata, Mapping) else metadata
        if meant is not None:
            fields["metadata_path"] = meant
        inner = [f"  {name}: {json.dumps(text, ensure_ascii=False)}\n" for name, text in fields.items()]
        lines += ["embeddings {\n", *inner, "}\n"]
    return "".join(lines).encode()


def rows(table: Array) -> bytes:
    """A table (rows, length) as lines of numbers; nine digits say a float32 exactly."""
    return "".join("\t".join(map("%.9g".__mod__, row)) + "\n" for row in table.tolist()).encode()
