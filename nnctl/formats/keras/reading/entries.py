"""From a chart to the entries of a `layers` list: calls in an order in which they can run, by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nnctl.formats.keras.reading.applications import replace_application_layers
from nnctl.formats.keras.reading.channels import put_channels_last
from nnctl.formats.keras.reading.charts import INPUTS, batch_shape, read_chart
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.keras.reading.layers import LayerReader
from nnctl.formats.keras.reading.operations import MASKS, as_operation, is_operation, operation_entry
from nnctl.formats.keras.reading.parts import Call, Chart, Part
from nnctl.formats.keras.scopes import Tensor
from nnctl.layers.base import layers
from nnctl.spec.language.names import wrong_name

Entry = dict[str, Any]
Node = tuple[str, int]
"""A call: the part's name, and the call's number."""

_NOT_IN_NAMES = re.compile(r"[/:.\s]")
_LONGEST_NAME = 100
_MOST_ELEMENTS = (1 << 31) - 1
_MOST_AXES = 17
"""Of an array in a file of data, and the batch axis."""
_DTYPES = {
    "float16": "float32",
    "bfloat16": "float32",
    "int8": "int32",
    "int16": "int32",
    "bool": "uint8",
    "uint16": "int32",
    "uint32": "int64",
}
_ALLOWED = ("float32", "float64", "int32", "int64", "uint8")
_UNSAID = ("mask", "training", "name", "use_causal_mask", "return_attention_scores")


@dataclass
class Structure:
    """A `model` section, and what its layers were called where they came from.

    Attributes:
        inputs: The model's inputs, as the section has them.
        outputs: The names of its outputs.
        parts: What each layer is in the file, by its path here.
        dtypes: The types that its layers compute in.
    """

    inputs: dict[str, Entry] = field(default_factory=dict)
    layers: list[Entry] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    dtypes: set[str] = field(default_factory=set)

    def section(self) -> Entry:
        """As a config has it."""
        return {"inputs": self.inputs, "layers": self.layers, "outputs": self.outputs}


def read_structure(chart: Chart, findings: Findings) -> Structure:
    """The model that a chart describes; what cannot be read is told to `findings`."""
    reader = _Reader(chart, findings)
    made = Structure()
    scope = reader.scope(chart, "", made)
    made.inputs, made.layers, made.outputs = scope.inputs, scope.entries, scope.outputs
    made.dtypes = reader.layers.dtypes
    return made


@dataclass
class _Scope:
    inputs: dict[str, Entry] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, chart: Chart, findings: Findings) -> None:
        self.findings = findings
        self.version = chart.version
        self.layers = LayerReader(chart.version, findings, self._held)

    def _held(self, data: Any, place: str) -> Entry | None:
        """A model that a layer holds, as an entry without a name of its calls."""
        chart = read_chart(data, f"{place}.", self.findings, self.version)
        if chart is None:
            return None
        return self._nested(
            Part(str(data.get("class_name")), chart.name, {}, place, inner=chart), "", Structure()
        )

    def scope(self, chart: Chart, prefix: str, made: Structure) -> _Scope:
        """The entries of a model's own list."""
        replace_application_layers(chart)
        put_channels_last(chart, self.findings)
        scope = _Scope()
        names = _plain_names(chart, self.findings)
        known: dict[Node, str] = {}
        for tensor in chart.inputs:
            part = chart.parts.get(tensor.layer)
            if part is None or part.kind not in INPUTS:
                self.findings.refuse(
                    chart.place or "the model", f"its input '{tensor.layer}' is no InputLayer"
                )
                continue
            scope.inputs[names[part.name]] = self._input(part)
            known[part.name, 0] = names[part.name]
        if not chart.inputs:
            first = next(iter(chart.parts.values()), None)
            self.findings.refuse(
                first.place if first is not None else chart.place or "the model",
                "the model was never built: the shape of its input is not in the file",
                "a model that was called or built once before it was saved",
            )
        free = _FreeNames({*scope.inputs, *names.values()})
        defined: set[str] = set()
        for node in _order(chart, self.findings):
            part = chart.parts[node[0]]
            if part.kind in INPUTS:
                continue
            call = part.calls[node[1]]
            entry = self._entry(part, call, names[part.name], part.name in defined, prefix, made)
            if entry is None:
                known[node] = names[part.name]
                continue
            name = names[part.name] if part.name not in defined else _called(part, node[1], names, free)
            if self.version == 3 and "mask" not in call.tensors:
                part.unmasked.add(name)
            defined.add(part.name)
            known[node] = entry["name"] = name
            _wire(entry, part, call, known, chart.chain, self.findings)
            scope.entries.append(entry)
        scope.outputs = [_word(tensor, known) for tensor in chart.outputs]
        return scope

    def _input(self, part: Part) -> Entry:
        shape = batch_shape(part.config)
        if not isinstance(shape, list) or not all(n is None or type(n) is int for n in shape):
            self.findings.refuse(part.place, "its shape is not in the file")
            return {"shape": []}
        if shape[:1] not in ([None], []):
            self.findings.note(part.place, f"batches of {shape[0]} become batches of any size")
        if part.config.get("sparse") or part.config.get("ragged"):
            self.findings.note(part.place, "sparse or ragged tensors come in as dense ones")
        if any(n is not None and not 0 <= n <= _MOST_ELEMENTS for n in shape) or len(shape) > _MOST_AXES:
            self.findings.refuse(part.place, f"its shape is none that an array can have: {str(shape)[:80]}")
            return {"shape": []}
        told: Entry = {"shape": shape[1:]}
        given = part.config.get("dtype", "float32")
        dtype = given if isinstance(given, str) else "float32"
        made = _DTYPES.get(dtype, dtype)
        if made not in _ALLOWED:
            self.findings.refuse(
                part.place, f"an input of {dtype}, but a model has numbers", "text prepared in `data.columns`"
            )
        elif made != dtype:
            self.findings.note(part.place, f"{dtype} comes in as {made}")
        return told if made == "float32" else told | {"dtype": made}

    def _entry(
        self, part: Part, call: Call, name: str, again: bool, prefix: str, made: Structure
    ) -> Entry | None:
        """An entry without what it reads."""
        if is_operation(part, self.version):
            kind, given = as_operation(part, call)
            entry = operation_entry(kind, part.config if part.kind != "TFOpLambda" else {}, given)
            if entry is None:
                self.findings.refuse(
                    part.place,
                    f"the operation {kind} on tensors has no layer in nnctl",
                    "a layer of Keras that does the same",
                )
                return None
            call.reads, call.constants, call.values, call.tensors = given.reads, {}, {}, {}
            return entry
        if again:
            entry = {"use": name}
        elif part.inner is not None:
            made.parts[prefix + name] = part
            entry = self._nested(part, f"{prefix}{name}/", made)
        else:
            made.parts[prefix + name] = part
            found = self.layers.entry(part)
            if found is None:
                return None
            entry = found
        return entry | self._arguments(part, call)

    def _arguments(self, part: Part, call: Call) -> Entry:
        """The arguments of this call that are no tensors."""
        cls = layers.get(part.kind)
        known = cls.call_arguments() if cls is not None else ()
        told = {}
        for name, value in call.values.items():
            if _says_nothing(value) or (name not in known and name in _UNSAID and not value):
                continue
            if name == "training" and value is True and self.version == 3:
                continue  # Keras 3 says whether it trains all the same
            if name in known:
                if value != cls.model_fields[name].default:  # type: ignore[union-attr]
                    told[name] = value
            else:
                self.findings.refuse(
                    part.place, f"a call of it says {name}={str(value)[:40]}, which nnctl's does not take"
                )
        for place, value in call.constants.items():
            if value is not None:
                self.findings.refuse(
                    part.place,
                    f"a call of it is given {str(value)[:40]} in place {place}, which is no tensor",
                )
        return told

    def _nested(self, part: Part, prefix: str, made: Structure) -> Entry:
        chart = part.inner
        assert chart is not None
        scope = self.scope(chart, prefix, made)
        told: Entry = {"type": "Sequential" if chart.chain else "Functional", "name": part.name}
        if not chart.trainable or part.config.get("trainable") is False:
            told["trainable"] = False
        if chart.chain:
            return told | {"layers": [{k: v for k, v in e.items() if k != "inputs"} for e in scope.entries]}
        inputs = [{"type": "Input", "name": name, **info} for name, info in scope.inputs.items()]
        return told | {"layers": inputs + scope.entries, "outputs": scope.outputs}


def _says_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(part is None for part in value))


def _plain_names(chart: Chart, findings: Findings) -> dict[str, str]:
    """What each part is called here: a name of nnctl has no '/', ':' or '.', and can be written."""
    names: dict[str, str] = {}
    free = _FreeNames(chart.parts)
    for name, part in chart.parts.items():
        plain = _plain_name(name)
        if plain != name:
            plain = free.like(plain)
            findings.note(part.place, f"it is called '{plain}' here")
        names[name] = plain
    return names


def _plain_name(name: str) -> str:
    plain = "".join(c if c.isprintable() else "_" for c in _NOT_IN_NAMES.sub("_", name[:_LONGEST_NAME]))
    return f"layer_{plain}".rstrip("_") if wrong_name(plain) else plain


class _FreeNames:
    """Names that nothing has yet."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self._next: dict[str, int] = {}

    def like(self, name: str) -> str:
        """The name, or the name with the lowest number that makes it free; taken from now on."""
        number = self._next.get(name, 0)
        while (found := f"{name}_{number}" if number else name) in self.taken:
            number += 1
        self._next[name] = number
        self.taken.add(found)
        return found


def _called(part: Part, call: int, names: dict[str, str], free: _FreeNames) -> str:
    """What a further call of a layer is called."""
    said = part.entries[call][0] if part.entries else ""
    if said and said not in free.taken and _plain_name(said) == said:
        return free.like(said)
    return free.like(names[part.name])


def _word(tensor: Tensor, known: dict[Node, str]) -> str:
    name = known.get((tensor.layer, tensor.call), tensor.layer)
    return f"{name}:{tensor.output}" if tensor.output else name


def _wire(
    entry: Entry, part: Part, call: Call, known: dict[Node, str], chain: bool, findings: Findings
) -> None:
    """Say what an entry reads."""
    if chain:
        return
    words = [_word(tensor, known) for tensor in call.reads]
    named = {n: [_word(t, known) for t in given] for n, given in call.tensors.items() if n != "mask"}
    cls = layers.get(str(entry.get("type", part.kind)))
    if cls is not None and cls.input_names():
        places = cls.in_keras.arguments or cls.input_names()
        told = dict(zip(places, words, strict=False))
        for name, given in named.items():
            if len(given) == 1 and name in cls.input_names():
                told[name] = given[0]
            else:
                findings.refuse(part.place, f"a call of it is given '{name}', which nnctl's does not take")
        if len(told) == 1 and next(iter(told)) == cls.input_names()[0]:
            entry["inputs"] = next(iter(told.values()))
        else:
            entry["inputs"] = told
        return
    rest = cls.in_keras.rest if cls is not None else None
    for name, given in named.items():
        if name in (rest, "initial_state", "inputs", "x", "sequences"):
            words += given
        else:
            findings.refuse(part.place, f"a call of it is given '{name}', which nnctl's does not take")
    entry["inputs"] = words[0] if len(words) == 1 else words


def _order(chart: Chart, findings: Findings) -> list[Node]:
    """The calls that the outputs need, each after what it reads, otherwise in the order of the file."""
    masks = _mask_nodes(chart, findings)
    done: list[Node] = []
    state: dict[Node, int] = {}

    def visit(start: Node) -> None:
        stack: list[tuple[Node, Iterator[Node]]] = [(start, iter(_needs(chart, start, masks, findings)))]
        state[start] = 1
        while stack:
            node, waiting = stack[-1]
            following = next(waiting, None)
            if following is not None:
                seen = state.get(following, 0)
                if seen == 1:
                    findings.refuse(
                        chart.parts[following[0]].place, "it reads, in the end, what it makes itself"
                    )
                    state[following] = 2
                elif seen == 0:
                    state[following] = 1
                    stack.append((following, iter(_needs(chart, following, masks, findings))))
            else:
                stack.pop()
                state[node] = 2
                done.append(node)

    wanted = _wanted(chart, masks)
    said = _as_said(chart, wanted)
    if said:
        return said
    for name, part in chart.parts.items():
        if (name, 0) in wanted and (name, 0) not in state and part.calls:
            visit((name, 0))
    for tensor in chart.outputs:
        node = tensor.layer, tensor.call
        if _exists(chart, node) and node not in state:
            visit(node)
        elif not _exists(chart, node):
            findings.refuse(chart.place or "the model", f"its output '{tensor.layer}' is no call of a layer")
    return done


def _as_said(chart: Chart, wanted: set[Node]) -> list[Node]:
    """The calls in the order of the config that nnctl wrote the file from; none where that is not known."""
    places: dict[Node, int] = {}
    for node in wanted:
        part = chart.parts[node[0]]
        if part.kind in INPUTS:
            continue
        if node[1] >= len(part.entries):
            return []
        places[node] = part.entries[node[1]][1]
    done: set[Node] = set()
    order = sorted(places, key=lambda node: (places[node], node))
    for node in order:
        reads = {(t.layer, t.call) for t in chart.parts[node[0]].calls[node[1]].all()}
        if any(read in places and read not in done for read in reads) or not all(
            _exists(chart, r) for r in reads
        ):
            return []
        done.add(node)
    return order


def _exists(chart: Chart, node: Node) -> bool:
    part = chart.parts.get(node[0])
    return part is not None and (part.kind in INPUTS or node[1] < len(part.calls))


def _needs(chart: Chart, node: Node, masks: set[Node], findings: Findings) -> list[Node]:
    """What a call reads, other than what makes its mask."""
    part = chart.parts[node[0]]
    if part.kind in INPUTS or node[1] >= len(part.calls):
        return []
    found = []
    for tensor in part.calls[node[1]].all():
        read = tensor.layer, tensor.call
        if read in masks:
            continue
        if not _exists(chart, read):
            findings.refuse(part.place, f"it reads '{tensor.layer}', call {tensor.call}, which is not there")
        elif chart.parts[read[0]].kind not in INPUTS:
            found.append(read)
    return found


def _wanted(chart: Chart, masks: set[Node]) -> set[Node]:
    """The calls that the outputs need."""
    found: set[Node] = set()
    waiting = [(tensor.layer, tensor.call) for tensor in chart.outputs]
    while waiting:
        node = waiting.pop()
        if node in found or not _exists(chart, node) or node in masks:
            continue
        found.add(node)
        part = chart.parts[node[0]]
        if part.kind not in INPUTS:
            waiting += [(tensor.layer, tensor.call) for tensor in part.calls[node[1]].all()]
    return found


def _mask_nodes(chart: Chart, findings: Findings) -> set[Node]:
    """The operations that only make masks: Keras 3 writes out what a layer here finds by itself.

    They begin at an Embedding's indices or at what a Masking reads, and end in the argument `mask`.
    """
    readers: Counter[Node] = Counter()
    as_mask: Counter[Node] = Counter()
    for part in chart.parts.values():
        for call in part.calls:
            readers.update((t.layer, t.call) for t in call.all())
            as_mask.update((t.layer, t.call) for t in call.tensors.get("mask", ()))
    outputs = {(tensor.layer, tensor.call) for tensor in chart.outputs}
    found: set[Node] = set()
    waiting = [
        (name, number)
        for name, part in chart.parts.items()
        if part.kind in MASKS and is_operation(part, chart.version)
        for number in range(len(part.calls))
    ]
    may_be = set(waiting) - outputs
    while waiting:
        node = waiting.pop()
        if node in may_be and node not in found and 0 < readers[node] == as_mask[node]:
            found.add(node)
            # What only a mask reads is one too.
            reads = [(t.layer, t.call) for t in chart.parts[node[0]].calls[node[1]].all()]
            as_mask.update(reads)
            waiting += reads
    for part in chart.parts.values():
        for call in part.calls:
            for tensor in call.tensors.get("mask", ()):
                if (tensor.layer, tensor.call) not in found:
                    findings.refuse(
                        part.place,
                        f"a call of it is given the mask '{tensor.layer}'",
                        "a mask that an Embedding (mask_zero) or a Masking makes",
                    )
    _check_roots(chart, found, findings)
    return found


def _check_roots(chart: Chart, masks: set[Node], findings: Findings) -> None:
    """A mask begins where an Embedding or a Masking would begin one."""
    begun: set[Node] = set()
    for part in chart.parts.values():
        if part.kind == "Masking" or (part.kind == "Embedding" and part.config.get("mask_zero")):
            begun |= {(t.layer, t.call) for call in part.calls for t in call.reads}
    for node in masks:
        part = chart.parts[node[0]]
        for tensor in part.calls[node[1]].all():
            read = tensor.layer, tensor.call
            if part.kind in ("NotEqual", "Equal") and read not in masks and read not in begun:
                findings.refuse(
                    part.place,
                    "it makes a mask of what no Embedding or Masking reads",
                    "a mask that these make",
                )
