"""What a Keras model was compiled with, as a `training` section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from nnctl.core.registry import Registry
from nnctl.core.spec import Spec, first_fault
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.objects import plain
from nnctl.losses.base import losses
from nnctl.metrics.base import metrics
from nnctl.optimizers.base import optimizers
from nnctl.schedules.base import schedules

Section = dict[str, Any]

_UNSAID = (
    "name", "dtype", "is_legacy_optimizer", "jit_compile", "loss_scale_factor", "fn",
    "weight_decay_mode", "use_locking",
    "centered_legacy",
)  # fmt: skip
_MOST_METRICS = 50
_OLD = {"lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2"}


def read_compiled(data: Any, outputs: Sequence[str], findings: Findings) -> Section:
    """Optimizer, loss, metrics and their weights; what cannot be said is a note, and left out.

    Args:
        data: `compile_config` of Keras 3, or the `training_config` of a legacy file.
        outputs: The model's outputs.
    """
    if not isinstance(data, dict):
        return {}
    place = "compile_config"
    told: Section = {}
    given = data.get("optimizer", data.get("optimizer_config"))
    optimizer = _one(optimizers, given, f"{place}, optimizer", findings)
    if optimizer is not None:
        told["optimizer"] = optimizer
    loss = _by_output(data.get("loss"), outputs, lambda v, p: _one(losses, v, p, findings), f"{place}, loss")
    if loss is not None:
        told["loss"] = loss
    for name in ("metrics", "weighted_metrics"):
        found = _metrics(data.get(name), outputs, f"{place}, {name}", findings)
        if found:
            told[name] = found
    weights = plain(data.get("loss_weights"))
    if weights is not None and len(outputs) > 1:
        told["loss_weights"] = weights
    return told


def _by_output(value: Any, outputs: Sequence[str], read: Callable[[Any, str], Any], place: str) -> Any:
    value = plain(value) if not isinstance(value, dict) or "class_name" not in value else value
    if isinstance(value, dict) and "class_name" not in value:
        found = {name: read(value.get(name), f"{place}, {name}") for name in outputs}
        return found if any(found.values()) else None
    if isinstance(value, list):
        made = [read(part, f"{place}[{number}]") for number, part in enumerate(value)]
        if len(made) != len(outputs) or not any(made):
            return None
        return made[0] if len(made) == 1 else dict(zip(outputs, made, strict=True))
    made_one = read(value, place)
    return made_one if made_one is None or len(outputs) == 1 else dict.fromkeys(outputs, made_one)


def _metrics(value: Any, outputs: Sequence[str], place: str, findings: Findings) -> Any:
    """A list for one output, or by output names."""
    if value is None:
        return None

    def listed(part: Any, at: str) -> list[Any]:
        some = part if isinstance(part, list) else [part]
        if len(some) > _MOST_METRICS:
            findings.note(at, f"of {len(some):,} metrics the first {_MOST_METRICS} come over")
        found = [
            _one(metrics, one, f"{at}[{number}]", findings)
            for number, one in enumerate(some[:_MOST_METRICS])
            if one is not None
        ]
        return [one for one in found if one is not None]

    if isinstance(value, dict) and "class_name" not in value:
        return {
            name: listed(part, f"{place}, {name}") for name, part in value.items() if name in outputs
        } or None
    nested = isinstance(value, list) and any(isinstance(part, list) for part in value)
    if len(outputs) == 1:
        parts = (
            [one for part in value for one in (part if isinstance(part, list) else [part])]
            if nested
            else value
        )
        return listed(parts, place)
    if isinstance(value, list) and len(value) == len(outputs):
        by_name = {
            name: listed(part, f"{place}[{n}]")
            for n, (name, part) in enumerate(zip(outputs, value, strict=True))
        }
        return {name: part for name, part in by_name.items() if part} or None
    return {name: listed(value, place) for name in outputs}


def _one(registry: Registry[Any], value: Any, place: str, findings: Findings) -> Any:
    """A choice of a family: a name, or a mapping with `type`; None where it does not come over."""
    kind, config = _named(value)
    if kind is None:
        if value is not None:
            findings.note(place, "a Python function of one's own is left out")
        return None
    cls = registry.get(kind) or registry.get(kind.removesuffix("V2"))
    if cls is None or not cls.__module__.startswith("nnctl."):
        findings.note(place, f"nnctl has no {registry.kind} '{kind}': left out")
        return None
    fields = _fields(cls, config, place, findings)
    try:
        made = cls.model_validate(fields)
    except ValidationError as error:
        findings.note(place, f"left out: {first_fault(error)}")
        return None
    told = {name: fields[name] for name in made.model_fields_set if _said(made, name)}
    word = kind if isinstance(value, str) and registry.get(value) is cls else cls.__name__
    return {"type": cls.__name__, **told} if told else word


def _said(made: Spec, name: str) -> bool:
    info = type(made).model_fields[name]
    value = getattr(made, name)
    if info.is_required():
        return True
    default = info.default
    if isinstance(default, str) and isinstance(value, Spec):
        return type(value).__name__.lower() != default.replace("_", "") or bool(value.model_fields_set)
    return bool(value != default)


def _named(value: Any) -> tuple[str | None, Section]:
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        return None, {}
    kind, config = value["class_name"], value.get("config")
    if kind in ("function", "builtin_function_or_method"):
        return (config, {}) if isinstance(config, str) else (None, {})
    if kind in ("MeanMetricWrapper", "LossFunctionWrapper"):
        inner = config.get("fn") if isinstance(config, dict) else None
        return _named(inner)
    registered = value.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return None, {}
    return kind, config if isinstance(config, dict) else {}


def _fields(cls: type[Spec], config: Section, place: str, findings: Findings) -> Section:
    found: Section = {}
    for name, value in config.items():
        name = _OLD.get(name, name)
        given = plain(value) if not isinstance(value, dict) or "class_name" not in value else value
        if name == "learning_rate" and isinstance(given, dict):
            schedule = _one(schedules, given, f"{place}, {name}", findings)
            if schedule is not None:
                found[name] = schedule
        elif name in cls.model_fields and name != "name":
            found[name] = given
        elif name in ("decay", "schedule_decay") and given:
            findings.note(
                place, f"{name}: {given} is left out: a schedule, such as InverseTimeDecay, says it now"
            )
        elif name == "name" and "name" in cls.model_fields and isinstance(given, str):
            continue
        elif name not in _UNSAID and given not in (None, False, 0, 0.0):
            findings.note(place, f"{name}: {str(given)[:40]} is left out")
    return found
