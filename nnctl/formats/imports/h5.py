"""HDF5 files of all Kerases: whole models, and weights alone in either layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nnctl.core.errors import RunError
from nnctl.formats.imports.base import Imported, ImportFormat, Opened, register
from nnctl.formats.json_text import parse_json
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.layers import not_from_keras
from nnctl.formats.keras.reading.whole import described, weights_of
from nnctl.runs.image import MAGIC
from nnctl.storage.hdf5_reader import Hdf5Reader

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@register
class h5(ImportFormat):
    """A whole model in the HDF5 layout of Keras 1, 2 and 3, or the weights of one (`.weights.h5`)."""

    written_by = "`model.save('m.h5')`, `save_weights` of Keras 1, 2 and 3"
    ending = ".h5"
    layers: ClassVar[Mapping[str, str]] = not_from_keras()

    def recognises(self, opened: Opened) -> bool:
        return opened.head.startswith((_SIGNATURE, MAGIC))

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        if opened.head.startswith(MAGIC):
            raise RunError(
                f"{opened.path} is a model of nnctl already: nnctl eval, predict and export read it"
            )
        reader = opened.stack.enter_context(Hdf5Reader(opened.path, opened.file, filters=True))
        said = reader.attribute("", "keras_version")
        if said is None and reader.has("model_weights"):
            said = reader.attribute("model_weights", "keras_version")
        version = said if isinstance(said, str) else ""
        made_by = f"Keras {version}" if version else "Keras"
        config = reader.attribute("", "model_config")
        if config is None:
            found = Imported(f"{made_by}, weights alone", layers=layers)
            return weights_of(found, reader, findings)
        compiled = reader.attribute("", "training_config")
        number = int(version[0]) if version[:1] in ("1", "2", "3") else 0
        found = described(
            _json(config, f"{opened.path.name}, model_config"),
            None if compiled is None else _json(compiled, f"{opened.path.name}, training_config"),
            findings,
            made_by=f"{made_by}, HDF5",
            version=number,
        )
        return weights_of(found, reader, findings)


def _json(text: str | list[str], name: str) -> Any:
    if isinstance(text, list):
        raise RunError(f"{name} is no text")
    return parse_json(text.encode(), name)
