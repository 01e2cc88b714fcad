"""What layers found in the data that they saw, where `.keras` has it apart from their config.

Source: keras.src.layers.preprocessing.index_lookup, save_assets and save_own_variables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from nnctl.core.registry import snake_case
from nnctl.formats.json_text import MAX_BYTES
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.members import Members
from nnctl.storage.hdf5_reader import Hdf5Reader

Config = dict[str, Any]

_LOOKUPS = ("IntegerLookup",)


def vocabulary_members(members: Members) -> set[str]:
    """The files of an archive that are vocabularies."""
    return {name for name in members.names if name.startswith("assets/") and name.endswith("/vocabulary.txt")}


def put_vocabularies(config: Any, members: Members, reader: Hdf5Reader, findings: Findings) -> None:
    """Put the vocabularies of an archive, and what their words count, into the layers' configs."""
    there, arrays = vocabulary_members(members), set(reader.arrays())
    for group, layer in _layers(config, "layers") if there else ():
        file, counts = f"assets/{group}/vocabulary.txt", f"{group}/vars/idf_weights"
        if layer.get("class_name") not in _LOOKUPS or file not in there:
            continue
        try:
            words = [int(line) for line in members.read(file, MAX_BYTES).split()]
        except ValueError:
            findings.refuse(file, "a line of it is no whole number")
            continue
        layer["config"]["vocabulary"] = words
        if counts in arrays:
            dtype, shape = reader.describe(counts)
            if shape == (len(words),):
                layer["config"]["idf_weights"] = reader.array(counts, dtype, shape).tolist()


def _layers(model: Any, group: str) -> Iterator[tuple[str, Config]]:
    """The layers of a model and of those nested in it, each with the group of its weights."""
    config = model.get("config") if isinstance(model, dict) else None
    entries = config.get("layers") if isinstance(config, dict) else None
    counts: Counter[str] = Counter()
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
            continue
        kind = snake_case(str(entry.get("class_name")))
        own = f"{group}/{kind}" + f"_{counts[kind]}" * (counts[kind] > 0)
        counts[kind] += 1
        yield own, entry
        yield from _layers(entry, f"{own}/layers")
