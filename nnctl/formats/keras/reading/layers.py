"""A layer of Keras as an entry of nnctl's `layers`: the class of the same name, with the same arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.objects import family_of, plain, read_object
from nnctl.formats.keras.reading.older import GONE, as_keras_3
from nnctl.formats.keras.reading.parts import Part, public_name
from nnctl.layers.base import Layer, layers
from nnctl.spec.diagnosis.keras_names import has_keras, without

Entry = dict[str, Any]
Model = Callable[[Any, str], Entry | None]
"""What makes an entry of a model in a layer: its JSON, and where that stands."""

_HELD = ("layer", "forward_layer", "backward_layer", "cell")
"""Arguments that are layers."""
_NOTHING = (
    "name", "trainable", "dtype", "batch_input_shape", "batch_shape", "build_input_shape",
    "input_shape", "autocast",
    "unroll", "implementation", "use_cudnn", "input_length", "gptq_unpacked_column_size",
    "sparse_y_pred", "time_major",
    "noise_shape_dtype", "dynamic", "input_dtype", "sparse", "ragged", "optional", "synchronized",
    "bounding_box_format",
    "output_dtype", "shared_object_id", "seed_generator", "vocabulary_size",
)  # fmt: skip
"""Arguments that change nothing of what is computed here."""
_NEVER = ("lora_rank", "lora_alpha", "quantization_config", "quantization_mode")
_POLICIES = {
    "mixed_float16": "float32",
    "mixed_bfloat16": "float32",
    "float16": "float32",
    "bfloat16": "float32",
}


def not_from_keras() -> dict[str, str]:
    """The layers that are not read from what Keras 3 writes, and why."""
    reasons = {cls.__name__: cls.in_keras.not_in_imports for cls in layers.classes()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


class LayerReader:
    """Reads layers.

    Args:
        version: Of the Keras that wrote them.
        model: Reads a model that a layer holds.

    Attributes:
        dtypes: The types that layers compute in.
        classes: The class that the file names, by `id` of the entry, where nnctl's has another name.
    """

    def __init__(self, version: int, findings: Findings, model: Model) -> None:
        self.version = version
        self.findings = findings
        self.model = model
        self.dtypes: set[str] = set()

    def entry(self, part: Part) -> Entry | None:
        """The entry, without what it reads; None where it cannot be, which the findings then say."""
        kind, config = as_keras_3(part.kind, part.config, self.version, part.place, self.findings)
        if not self._known(part, kind):
            return None
        cls = layers.get(kind)
        assert cls is not None
        if cls.in_keras.told_in_imports is not None:
            self.findings.note(part.place, cls.in_keras.told_in_imports)
        self._note_dtype(config.get("dtype"), part.place)
        fields = self._fields(cls, config, part.place)
        told: Entry = {"type": cls.__name__, "name": part.name}
        if config.get("trainable") is False:
            told["trainable"] = False
        return told | fields

    def _known(self, part: Part, kind: str) -> bool:
        registered = part.registered
        if registered and ">" in registered and registered != f"keras>{kind}":
            self.findings.refuse(
                part.place, f"'{registered}' is a layer of one's own, whose Python is not in the file", _OWN
            )
            return False
        cls = layers.get(kind)
        if cls is not None and cls.__module__.startswith("nnctl.layers."):
            refused = cls.in_keras.not_in_imports if self.version == 3 else None
            if refused is not None:
                self.findings.refuse(part.place, refused, "the model without it, saved anew")
            return refused is None
        why = without("layer", kind)
        if kind == "Lambda":
            self.findings.refuse(
                part.place, "a Lambda holds a Python function, which nnctl never runs", _LAMBDA
            )
        elif why is not None:
            self.findings.refuse(part.place, f"nnctl has no {kind}: {why}")
        elif kind in GONE:
            self.findings.refuse(
                part.place, f"Keras 3 has no {kind} any more, and no layer that does the same", _OWN
            )
        elif has_keras("layer", kind):
            self.findings.refuse(part.place, f"nnctl has no {kind} yet")
        else:
            self.findings.refuse(
                part.place, f"'{kind}' is no layer of Keras 3; its Python is not in the file", _OWN
            )
        return False

    def _note_dtype(self, given: Any, place: str) -> None:
        config = given.get("config") if isinstance(given, dict) else None
        policy = config.get("name") if isinstance(config, dict) else given
        if not isinstance(policy, str):
            return
        if policy in _POLICIES:
            self.findings.note("dtype", f"{policy} becomes float32")
        elif policy in ("float32", "float64"):
            self.dtypes.add(policy)

    def _fields(self, cls: type[Layer], config: Entry, place: str) -> Entry:
        found: Entry = {}
        # Keras goes on saying how many bins to look for when it has found them.
        found_already = ("num_bins",) if config.get("bin_boundaries") is not None else ()
        for name, value in config.items():
            if name in ("name", "trainable", "dtype") or name in found_already:
                continue
            if name not in cls.model_fields:
                self._left_out(cls, name, value, place)
                continue
            made = self._value(name, value, f"{place}, {name}")
            found[name] = made
        return found

    def _left_out(self, cls: type[Layer], name: str, value: Any, place: str) -> None:
        if value is None or value == [] or name in _NOTHING:
            return
        if name == "stateful":
            if value:
                self.findings.note(place, "stateful: here every batch starts from the initial state")
            return
        if name in _NEVER:
            self.findings.refuse(
                place,
                f"'{name}' ({str(value)[:40]}) has no equal in nnctl",
                "the plain layer: quantized or LoRA weights merged before saving",
            )
            return
        if value is False or value == 0 or (name, value) == ("data_format", "channels_last"):
            return
        self.findings.refuse(place, f"nnctl's {cls.__name__} has no argument '{name}' ({str(value)[:40]})")

    def _value(self, name: str, value: Any, place: str) -> Any:
        family = family_of(name)
        if family is not None:
            return read_object(value, family, place, self.findings)
        if name in _HELD:
            return self._held(value, place)
        if name == "cells" or (name == "cell" and isinstance(value, list)):
            return [
                self._held(part, f"{place}[{number}]")
                for number, part in enumerate(value if isinstance(value, list) else [value])
            ]
        return _factor(plain(value)) if name.endswith("factor") else plain(value)

    def _held(self, value: Any, place: str) -> Any:
        """A layer in a layer; a model there is read like any other."""
        if isinstance(value, list):
            return [self._held(part, f"{place}[{number}]") for number, part in enumerate(value)]
        if value is None:
            return None
        if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
            self.findings.refuse(place, "is no layer")
            return None
        config = value.get("config")
        if isinstance(config, list) or (isinstance(config, dict) and isinstance(config.get("layers"), list)):
            return self.model(value, place)
        if not isinstance(config, dict):
            self.findings.refuse(place, "has no config")
            return None
        registered = value.get("registered_name")
        kind = public_name(value["class_name"])
        part = Part(kind, str(config.get("name") or ""), config, f"{place} ({kind})")
        part.registered = registered if isinstance(registered, str) else None
        made = self.entry(part)
        if made is not None:
            made = {key: told for key, told in made.items() if key != "name" or told}
        return made


def _factor(value: Any) -> Any:
    """A range of an augmentation: Keras writes [-f, f] for f, also where no number below 0 is taken."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(n, int | float) for n in value):
        return value[1] if value[0] == -value[1] != 0 else value
    return value


_OWN = "a plugin with a layer of that name, in a config written by hand (docs/plugins.md)"
_LAMBDA = "a layer of Keras that does the same, or a plugin (docs/plugins.md), saved anew"
