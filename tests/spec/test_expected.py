"""What is said to be expected where something is wrong: read off the language's types, in a user's words."""

from __future__ import annotations

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.load import validate
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.source_text import SourceText

GOOD = {
    "data": "{source: d.csv}",
    "model": "{layers: [{type: Dense, units: 3}]}",
    "training": "{loss: mse}",
}
CSV = "{source: {type: csv, path: d.csv}}"

EXPECTED: list[tuple[str, str, str, str | None, str | None]] = [
    ("training", "{loss: mse, epochs: x}", "epochs", "a whole number, 1 or more", None),
    (
        "training",
        "{loss: mse, loss_weights: x}",
        "loss_weights",
        "a number or a mapping of names, each to a number or a list, each a number",
        None,
    ),
    ("training", "{loss: mse, loss_weights: {dense: x}}", "loss_weights.dense", "a number", None),
    ("training", "{loss: mse, loss_weights: [x]}", "loss_weights.0", "a number", None),
    (
        "training",
        "{loss: mse, class_weight: 3}",
        "class_weight",
        "'balanced' or a mapping of names, each to 'balanced' or a number, 0 or more or a mapping of names, "
        "each to a number, 0 or more",
        None,
    ),
    ("training", "{loss: mse, class_weight: {}}", "class_weight", "at least 1 entry", None),
    (
        "training",
        "{loss: mse, class_weight: {dense: {b: .inf}}}",
        "class_weight.dense.b",
        "a number, 0 or more",
        None,
    ),
    (
        "training",
        "{loss: mse, checkpoint: {every: x}}",
        "checkpoint.every",
        "'auto' or 'epoch' or a whole number, 1 or more",
        None,
    ),
    (
        "training",
        "{loss: mse, checkpoint: 3}",
        "checkpoint",
        "a mapping with keys such as every or keep",
        None,
    ),
    (
        "training",
        "{loss: mse, callbacks: 3}",
        "callbacks",
        "a list, each a callback's name or a mapping with 'type'",
        None,
    ),
    (
        "training",
        "{loss: mse, callbacks: {a: 1}}",
        "callbacks",
        "a list, each a callback's name or a mapping with 'type'",
        None,
    ),
    (
        "training",
        "{loss: 3}",
        "loss",
        "a loss's name or a mapping with 'type', or either by output name",
        None,
    ),
    ("training", "{loss: [3]}", "loss.0", "a loss's name or a mapping with 'type'", None),
    (
        "training",
        "{loss: mse, metrics: 3}",
        "metrics",
        "a metric's name or a mapping with 'type', or either by output name",
        None,
    ),
    ("training", "{loss: mse, metrics: [3]}", "metrics.0", "a metric's name or a mapping with 'type'", None),
    (
        "training",
        "{loss: mse, optimizer: 3}",
        "optimizer",
        "an optimizer's name or a mapping with 'type'",
        None,
    ),
    ("training", "{loss: mse, optimizer: {typ: 1}}", "optimizer.typ", None, "type"),
    (
        "training",
        "{loss: mse, optimizer: {learning_rate: 1}}",
        "optimizer",
        "an optimizer's name or a mapping with 'type'",
        None,
    ),
    (
        "training",
        "{loss: mse, optimizer: {type: adam, beta_1: 2}}",
        "optimizer.beta_1",
        "a number, 0 or more, below 1",
        None,
    ),
    (
        "training",
        "{loss: mse, optimizer: {type: adam, beta_1: -1}}",
        "optimizer.beta_1",
        "a number, 0 or more, below 1",
        None,
    ),
    (
        "training",
        "{loss: mse, callbacks: [{type: ReduceLROnPlateau, factor: 3}]}",
        "callbacks.0.factor",
        "a number, 0 or more, below 1",
        None,
    ),
    (
        "training",
        "{loss: mse, callbacks: [{}]}",
        "callbacks.0",
        "a callback's name or a mapping with 'type'",
        None,
    ),
    ("training", "{}", "", "loss: a loss's name or a mapping with 'type', or either by output name", None),
    (
        "training",
        "[1,2]",
        "",
        "a mapping with keys such as epochs, optimizer, loss, loss_weights or metrics",
        None,
    ),
    (
        "training",
        "null",
        "",
        "a mapping with keys such as epochs, optimizer, loss, loss_weights or metrics",
        None,
    ),
    (
        "training",
        "{loss: {type: mse, reduction: x}}",
        "loss.reduction",
        "'sum_over_batch_size', 'sum', 'mean' or 'mean_with_sample_weight'",
        None,
    ),
    ("training", "{loss: {dense: {typo: mse}}}", "loss.dense.typo", None, "type"),
    (
        "training",
        "{loss: mse, callbacks: [[1,2,3,4,5,6,7,8]]}",
        "callbacks.0",
        "a callback's name or a mapping with 'type'",
        None,
    ),
    (
        "training",
        "{loss: mse, epochs: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}",
        "epochs",
        "a whole number, 1 or more",
        None,
    ),
    ("training", "{loss: mse, epochs: [a,b,c]}", "epochs", "a whole number, 1 or more", None),
    (
        "training",
        "{loss: mse, epochs: [abcdefgh, abcdefgh, abcdefgh, abcdefgh, abcdefgh, abcdefgh, abcdefgh, ]}",
        "epochs",
        "a whole number, 1 or more",
        None,
    ),
    ("model", "{layers: []}", "layers", "at least 1 entry", None),
    (
        "model",
        "{layers: 3}",
        "layers",
        "a list, each a layer's name, or a mapping with 'type' (or 'use')",
        None,
    ),
    ("model", "{inputs: {}, layers: [Flatten]}", "inputs", "at least 1 entry", None),
    (
        "model",
        "{inputs: {x: [0]}, layers: [Flatten]}",
        "inputs.x.0",
        "a whole number, 1 or more, or null",
        None,
    ),
    (
        "model",
        "{inputs: {x: 3}, layers: [Flatten]}",
        "inputs.x",
        "a mapping with keys such as shape or dtype",
        None,
    ),
    (
        "model",
        "{inputs: {x: {shap: [3]}}, layers: [Flatten]}",
        "inputs.x.shap",
        "one of shape or dtype",
        "shape",
    ),
    (
        "model",
        "{inputs: {x: {shape: [3], dtype: int}}, layers: [Flatten]}",
        "inputs.x.dtype",
        "'float32', 'float64', 'int32', 'int64' or 'uint8'",
        "uint8",
    ),
    ("model", "{layers: [{type: Dense}]}", "layers.0", "units: a whole number above 0", None),
    (
        "model",
        "{layers: [{type: Conv2D, filters: 3}]}",
        "layers.0",
        "kernel_size: a list of 2, each a whole number",
        None,
    ),
    (
        "model",
        "{layers: [{type: Conv2D, filters: 3, kernel_size: x}]}",
        "layers.0.kernel_size",
        "a whole number from 1 up, or a list of 2",
        None,
    ),
    (
        "model",
        "{layers: [{type: Reshape, target_shape: [x]}]}",
        "layers.0.target_shape.0",
        "a whole number, -1 or more",
        None,
    ),
    (
        "model",
        "{layers: [{type: ZeroPadding2D, padding: [1,2,3]}]}",
        "layers.0.padding",
        "at most 2 entries",
        None,
    ),
    (
        "model",
        "{layers: [{type: Reshape}]}",
        "layers.0",
        "target_shape: a list, each a whole number, -1 or more",
        None,
    ),
    ("model", "{layers: [{type: Sequential, layers: []}]}", "layers.0.layers", "at least 1 entry", None),
    (
        "model",
        "{layers: [{type: Dense, units: 3, activation: {type: relu, max: 3}}]}",
        "layers.0.activation.max",
        "one of type, negative_slope, max_value or threshold",
        None,
    ),
    (
        "model",
        "{layers: [{type: LayerNormalization, axis: x}]}",
        "layers.0.axis",
        "a whole number or a list, each a whole number",
        None,
    ),
    ("model", "{layers: [{type: LayerNormalization, axis: []}]}", "layers.0.axis", "at least one axis", None),
    ("model", "{layers: [Flatten], outputs: []}", "outputs", "at least 1 entry", None),
    ("model", "{layers: [Flatten], outputs: [3]}", "outputs.0", "text", None),
    ("model", "{layers: [Flatten], initial_weights: {layers: [a]}}", "initial_weights", "from: text", None),
    (
        "model",
        "{layers: [Flatten], initial_weights: {from: a, layers: []}}",
        "initial_weights.layers",
        "at least 1 entry",
        None,
    ),
    (
        "model",
        "{layers: [Flatten], initial_weights: 3}",
        "initial_weights",
        "a mapping with keys such as layers or from",
        None,
    ),
    (
        "model",
        "{layers: [{type: Dropout, rate: 0.5, noise_shape: [0]}]}",
        "layers.0.noise_shape.0",
        "a whole number above 0, or null",
        None,
    ),
    (
        "model",
        "{layers: [{type: Embedding, input_dim: 3}]}",
        "layers.0",
        "output_dim: a whole number above 0",
        None,
    ),
    ("model", "{layers: [{type: 3}]}", "layers.0.type", "the name of a layer", None),
    ("model", "{layers: [{type: null}]}", "layers.0.type", "the name of a layer", None),
    (
        "model",
        "{layers: [{type: Dense, units: 3, kernel_regularizer: {type: L2, l2: x}}]}",
        "layers.0.kernel_regularizer.l2",
        "a number, 0 or more",
        None,
    ),
    ("data", "3", "", "a mapping with keys such as source, train, validation, test or inputs", None),
    ("data", "{source: 3}", "source", "a data source's name or a mapping with 'type'", None),
    ("data", "{source: {type: csv}}", "source", "path: text or a list, each text", None),
    ("data", "{source: d.csv, batch_size: 0}", "batch_size", "a whole number above 0", None),
    (
        "data",
        "{source: d.csv, columns: {a: {type: sequence, maxlen: 2147483648}}}",
        "columns.a.maxlen",
        "a whole number, 1 or more, below 2147483648, or null",
        None,
    ),
    (
        "data",
        "{source: d.csv, columns: {a: {type: text, output_sequence_length: 2147483648}}}",
        "columns.a.output_sequence_length",
        "a whole number, 1 or more, below 2147483648, or null",
        None,
    ),
    (
        "data",
        "{source: d.csv, columns: {a: {type: text, max_tokens: 2147483648, output_mode: count}}}",
        "columns.a.max_tokens",
        "a whole number above 1, below 2147483648, or null",
        None,
    ),
    ("data", "{source: d.csv, window: {length: 2147483648}}", "window.length", None, None),
    (
        "data",
        "{source: d.csv, batching: {bucket_boundaries: [2147483648]}}",
        "batching.bucket_boundaries.0",
        "a whole number, 2 or more, below 2147483648",
        None,
    ),
    (
        "data",
        "{source: d.csv, split: 3}",
        "split",
        "a mapping with keys such as validation, test, stratify, by or group",
        None,
    ),
    (
        "data",
        "{source: d.csv, columns: {a: numbr}}",
        "columns.a",
        "a mapping with keys such as type, scale, encoding, missing or parts",
        None,
    ),
    (
        "data",
        "{source: d.csv, columns: {a: {scale: x}}}",
        "columns.a.scale",
        "standard, minmax or a number above 0 to divide by",
        None,
    ),
    (
        "data",
        "{source: d.csv, columns: {a: {encodig: x}}}",
        "columns.a.encodig",
        "one of type, scale, encoding, missing, parts, format, unknown, num_bins, salt, mask_value, "
        "standardize, split, ...",
        "encoding",
    ),
    ("data", "{source: d.csv, window: {length: 0}}", "window.length", "a whole number above 0", None),
    ("data", "{source: d.csv, inputs: 3}", "inputs", "a mapping of names, each to a list, each text", None),
    ("data", "{source: d.csv, inputs: {x: 3}}", "inputs.x", "a column's name or a list of names", None),
    (
        "data",
        "{source: {type: csv, path: d.csv, delimiter: 3}}",
        "source.delimiter",
        "one character, or whitespace for runs of blanks",
        None,
    ),
]
"""(section, its text, where below it, what is expected, the nearest word)."""


def found(**sections: str) -> list[Problem]:
    """The problems of a config in which some sections are these."""
    lines = ["nnctl: 1", *(f"{name}: {text}" for name, text in (GOOD | sections).items())]
    document = parse_document(SourceText("c.yaml", "\n".join(lines)))
    with pytest.raises(ConfigError) as caught:
        validate(Experiment, document, {"name": "c", **document.data})
    return list(caught.value.problems)


@pytest.mark.parametrize(("section", "text", "where", "expected", "suggestion"), EXPECTED)
def test_what_is_expected(
    section: str, text: str, where: str, expected: str | None, suggestion: str | None
) -> None:
    (problem,) = found(**{section: text})
    assert ".".join(map(str, problem.path)) == ".".join(filter(None, (section, where)))
    assert (problem.expected, problem.suggestion) == (expected, suggestion)


def test_a_long_list_of_words_is_cut_short() -> None:
    (problem,) = found(model="{layers: [Nothing]}")
    assert problem.expected is not None
    assert problem.expected.startswith("one of Activation, ActivityRegularization, ")
    assert problem.expected.endswith(", ...")
    assert problem.expected.count(", ") == 12


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 40, f"'{'x' * 40}'"),
        ("x" * 41, f"'{'x' * 40}...'"),
        ("[a, b]", "[a, b]"),
        (f"[{'a, ' * 7}a]", "a list of 8"),
        (f"[{'x' * 38}]", f"[{'x' * 38}]"),
        (f"[{'x' * 39}]", "a list of 1"),
        ("{a: 1}", "a mapping"),
        (".nan", ".nan"),
        ("null", "null"),
        ("true", "true"),
    ],
)
def test_a_value_is_shown_as_written_and_cut_short(value: str, shown: str) -> None:
    (problem,) = found(training=f"{{loss: mse, epochs: {value}}}")
    assert problem.message == f"'epochs' cannot be {shown}"


def test_a_text_that_is_too_long_is_counted() -> None:
    lines = ["nnctl: 1", *(f"{name}: {text}" for name, text in GOOD.items()), f"name: {'x' * 101}"]
    document = parse_document(SourceText("c.yaml", "\n".join(lines)))
    with pytest.raises(ConfigError) as caught:
        validate(Experiment, document, document.data)
    assert [p.expected for p in caught.value.problems] == ["at most 100 characters"]


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"training": "{loss: mse, optimizer: adam, beta_1: 0.5}"}, "'beta_1' inside 'optimizer'"),
        (
            {"training": "{loss: mse, callbacks: [{type: EarlyStopping}], patience: 3}"},
            "'patience' inside the EarlyStopping of 'callbacks'",
        ),
        ({"training": "{loss: mse, shuffle: true}"}, "'shuffle' in 'data'"),
        ({"training": "{loss: mse, keep: 3}"}, "'keep' in 'training.checkpoint'"),
        ({"training": "{loss: mse, every: 3, checkpoint: {keep: 3}}"}, "'every' inside 'checkpoint'"),
        ({"training": "{loss: mse, seed: 3}"}, "'seed' at the top level"),
        ({"training": "{loss: mse, delimiter: x}", "data": CSV}, "'delimiter' in 'data.source'"),
        ({"training": "{loss: mse, units: x}"}, "'units' inside an entry of 'model.layers' such as Dense"),
        ({"training": "{loss: mse, optimizer: {type: adam, epochs: 3}}"}, "'epochs' in 'training'"),
        ({"data": "{source: {type: csv, path: d.csv, batch_size: 3}}"}, "'batch_size' in 'data'"),
        ({"model": "{layers: [{type: Dense, units: 3, seed: 3}]}"}, "'seed' at the top level"),
        ({"data": CSV.replace("}}", "}, header: 3}")}, "'header' inside 'source'"),
    ],
)  # fmt: skip
def test_where_a_key_belongs(sections: dict[str, str], expected: str) -> None:
    """Inside what stands beside it, further out, or in another section."""
    (problem,) = found(**sections)
    assert problem.expected == expected
    assert problem.suggestion is None
