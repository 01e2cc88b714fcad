"""What a user reads when a config is wrong: golden texts, places, suggestions."""

from __future__ import annotations

import pytest

from nnctl.spec.output.render import render_all
from tests.spec.parser_words import in_nnctls_words

from .conftest import GOOD, Load, Problems, said

CHAIN = """\
nnctl: 1
data: {source: {type: csv, path: d.csv, target: t}}
model:
  layers:
    - LAYER
training: {loss: mse}
"""


def layer(text: str) -> str:
    return CHAIN.replace("LAYER", text)


def training(text: str) -> str:
    return CHAIN.replace("LAYER", "{type: Dense, units: 3}").replace("{loss: mse}", text)


def test_everything_wrong_is_said_in_one_go(problems: Problems) -> None:
    text = """\
nnctl: 1
seed: -1
data:
  source: {type: csv, path: d.csv, target: t}
  batchsize: 32
model:
  layers:
    - Flaten
    - {type: Dense, unit: 10, name: digit}
    - {type: Dropout, rate: abc, inputs: digt}
training:
  epochs: abc
  units: 3
  batch_size: 3
  loss: [mse
"""
    (unfinished,) = problems(text)
    assert in_nnctls_words(
        unfinished.message, "a list in [ ] is not finished here (it was opened in line 15)"
    )
    assert render_all(problems(text.replace("[mse", "mae_"))) == (
        """\
c.yaml:2:7: 'seed' cannot be -1
  seed: -1
        ^
  expected: a whole number, 0 or more, below 18446744073709551616
c.yaml:5:3: 'data' has no key 'batchsize'
    batchsize: 32
    ^
  expected: one of source, train, validation, test, inputs, target, targets, sample_weight, columns, split, \
window, batch_size, ...
  did you mean 'batch_size'?
c.yaml:8:7: nnctl has no layer 'Flaten'
      - Flaten
        ^
  expected: EXPECTED
  did you mean 'Flatten'?
c.yaml:9:7: Dense needs 'units'
      - {type: Dense, unit: 10, name: digit}
        ^
  expected: units: a whole number above 0
c.yaml:9:21: Dense has no key 'unit'
      - {type: Dense, unit: 10, name: digit}
                      ^
  expected: one of type, units, activation, use_bias, kernel_initializer, bias_initializer, \
kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, name, ...
  did you mean 'units'?
c.yaml:10:29: 'rate' cannot be 'abc'
      - {type: Dropout, rate: abc, inputs: digt}
                              ^
  expected: a number, 0 or more, at most 1
c.yaml:10:42: no input or layer above is called 'digt'
      - {type: Dropout, rate: abc, inputs: digt}
                                           ^
  expected: one of input or digit
  did you mean 'digit'?
c.yaml:12:11: 'epochs' cannot be 'abc'
    epochs: abc
            ^
  expected: a whole number, 1 or more
c.yaml:13:3: 'training' has no key 'units'
    units: 3
    ^
  expected: 'units' inside an entry of 'model.layers' such as Dense
c.yaml:14:3: 'training' has no key 'batch_size'
    batch_size: 3
    ^
  expected: 'batch_size' in 'data'
c.yaml:15:9: nnctl has no loss 'mae_'
    loss: mae_
          ^
  expected: LOSSES
  did you mean 'mae'?"""
    ).replace("EXPECTED", problems(layer("Flaten"))[0].expected or "").replace(
        "LOSSES", problems(training("{loss: mae_}"))[0].expected or ""
    )


@pytest.mark.parametrize(
    ("entry", "message", "suggestion"),
    [
        ("{type: Dense, units: 0}", "5:28 'units' cannot be 0", None),
        ("{type: Dense, units: 3.0}", "5:28 'units' cannot be 3.0", None),
        ("{type: Dense, units: '3'}", "5:28 'units' cannot be '3'", None),
        ("{type: Dense, units: true}", "5:28 'units' cannot be true", None),
        ("{type: Dense, units: null}", "5:28 'units' cannot be null", None),
        ("{type: Dense, units: [3]}", "5:28 'units' cannot be [3]", None),
        ("{type: Dense, units: {a: 3}}", "5:28 'units' cannot be a mapping", None),
        ("{type: Dense, units: 3, use_bias: no}", "5:41 'use_bias' cannot be 'no'", None),
        ("{type: Dense, units: 3, use_bias: 1}", "5:41 'use_bias' cannot be 1", None),
        ("{type: Hashing, num_bins: 3, salt: [1]}", "5:42 'salt' cannot be [1]", None),
        ("{type: Dense, units: 3, name: 3}", "5:37 'name' cannot be 3", None),
        ("{type: Dense, units: 3, activation: relux}", "5:43 nnctl has no activation 'relux'", "relu"),
        ("{type: Dense, units: 3, activation: 3}", "5:43 'activation' cannot be 3", None),
        ("{type: Dense, units: 3, activation: {typ: relu}}", "5:44 an activation needs 'type'", "type"),
        ("{type: Dense, units: 3, activation: {typex: relu}}", "5:44 an activation needs 'type'", "type"),
        (
            "{type: Dense, units: 3, kernel_initializer: {type: glorot_unifrom}}",
            "5:58 nnctl has no initializer 'glorot_unifrom'",
            "glorot_uniform",
        ),
        (
            "{type: Dense, units: 3, kernel_regularizer: {type: L2, l22: 1}}",
            "5:62 L2 has no key 'l22'",
            "l2",
        ),
        (
            "{type: Conv2D, filters: 3, kernel_size: 3, padding: sane}",
            "5:59 'padding' cannot be 'sane'",
            "same",
        ),
        ("{type: LocallyConnected9D}", "5:14 nnctl has no layer 'LocallyConnected9D'", None),
        ("{typ: Dense, units: 3}", "5:8 a layer needs 'type'", "type"),
        ("{units: 3}", "5:7 a layer needs 'type'", None),
        ("3", "5:7 'layers' cannot hold 3", None),
        ("null", "5:7 'layers' cannot hold null", None),
        ("[Dense]", "5:7 'layers' cannot hold [Dense]", None),
        ("{type: [Dense]}", "5:14 'type' cannot be [Dense]", None),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_layer(
    problems: Problems, entry: str, message: str, suggestion: str | None
) -> None:
    found = problems(layer(entry))
    assert said(found)[0] == message
    assert len(found) == 1
    assert found[0].suggestion == suggestion


def test_what_only_keras_has_is_called_by_name(problems: Problems) -> None:
    (found,) = problems(layer("Lambda"))
    assert found.message.startswith("Keras has the layer Lambda; nnctl does not: it holds a Python function")
    (found,) = problems(layer("TextVectorization"))
    assert "columns: {NAME: {type: text, " in found.message
    assert found.suggestion is None
    (found,) = problems(layer("{type: Dense, units: 3, lora_rank: 2}"))
    assert found.message == "Keras's Dense has 'lora_rank'; nnctl's does not have it yet"
    (found,) = problems(training("{loss: mse, optimizer: {type: adam, loss_scale_factor: 8}}"))
    assert found.message == "Keras's adam has 'loss_scale_factor'; nnctl's does not have it yet"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{epochs: 3}", "6:11 'training' needs 'loss'"),
        ("{loss: mse, epochs: 1.5}", "6:31 'epochs' cannot be 1.5"),
        ("{loss: mse, optimizer: {type: adam, lr: 1}}", "6:47 adam has no key 'lr'"),
        ("{loss: mse, optimizer: {type: adam, learning_rate: fast}}", "6:62 nnctl has no schedule 'fast'"),
        ("{loss: mse, optimizer: {type: adam, learning_rate: [1]}}", "6:62 'learning_rate' cannot be [1]"),
        ("{loss: mse, learning_rate: 1}", "6:23 'training' has no key 'learning_rate'"),
        ("{loss: mse, metrics: {type: mea}}", "6:39 nnctl has no metric 'mea'"),
        ("{loss: mse, metrics: [mae, [mse]]}", "6:38 'metrics' cannot hold [mse]"),
        ("{loss: {dens: mse}}", "6:19 the model has no output 'dens'"),
        ("{loss: {dense: msee}}", "6:26 nnctl has no loss 'msee'"),
        ("{loss: {dense: null}, metrics: {dense: [mse, maee]}}", "6:56 nnctl has no metric 'maee'"),
        ("{loss: mse, checkpoint: {every: epcoh}}", "6:43 'every' cannot be 'epcoh'"),
        ("{loss: mse, checkpoint: {every: 0}}", "6:43 'every' cannot be 0"),
        ("{loss: mse, class_weight: {a: -1}}", "6:41 'a' cannot be -1"),
        ("{loss: mse, callbacks: [{type: EarlyStoping}]}", "6:42 nnctl has no callback 'EarlyStoping'"),
        ("{loss: mse, callbacks: EarlyStopping}", "6:34 'callbacks' cannot be 'EarlyStopping'"),
        ("7", "6:11 'training' cannot be 7"),
    ],
)
def test_a_wrong_training_section(problems: Problems, text: str, message: str) -> None:
    assert message in said(problems(training(text)))


def test_a_misplaced_key_is_shown_its_place(problems: Problems) -> None:
    (found,) = problems(training("{loss: mse, optimizer: adam, learning_rate: 1}"))
    assert found.expected == "'learning_rate' inside 'optimizer'"
    (found,) = problems(GOOD.replace("units: 10", "units: 10\n      epochs: 3"))
    assert found.expected == "'epochs' in 'training'"
    (found,) = problems(GOOD.replace("nnctl: 1\n", "nnctl: 1\nlayers: []\n"))
    assert found.expected == "'layers' inside 'model'"


def test_root_problems(problems: Problems) -> None:
    assert said(problems("nnctl: 2\n" + GOOD.replace("nnctl: 1\n", "")))[0] == (
        "1:8 this nnctl reads version 1 of the language, not 2"
    )
    found = problems("{}\n")
    assert said(found) == [f"1:1 the config needs '{key}'" for key in ("nnctl", "data", "model", "training")]
    assert "cannot name a directory" in problems(GOOD + "name: ../x\n")[0].message
    assert said(problems(GOOD.replace("data:\n", "dat:\n")))[:2] == [
        "2:1 the config needs 'data'",
        "4:1 the config has no key 'dat'",
    ]


def test_the_default_name_is_the_files_stem(loads: Load) -> None:
    assert loads().experiment.name == "c"
    assert loads().experiment.seed == 7


def test_a_model_needs_layers_or_a_path(problems: Problems) -> None:
    base = GOOD[: GOOD.index("  inputs:")] + "  MODEL\n" + GOOD[GOOD.index("training:") :]
    assert "needs 'layers'" in problems(base.replace("MODEL", "outputs: a"))[0].message
    (found,) = problems(base.replace("MODEL", "path: m.yaml\n  layers: [Flatten]"))
    assert said([found])[0].startswith("9:9 'path' names a file")


@pytest.mark.parametrize("more", [0, 1, 5])
def test_two_hundred_problems_are_told_and_the_others_counted(problems: Problems, more: int) -> None:
    found = problems(GOOD + "".join(f"qq{i:03}: 1\n" for i in range(200 + more)))
    assert [p.message for p in found[200:]] == ([f"and {more} more problems"] if more else [])


@pytest.mark.parametrize("version", ["true", "2", "'1'", "null", "1.5"])
def test_other_versions_of_the_language(problems: Problems, version: str) -> None:
    (found,) = problems(GOOD.replace("nnctl: 1", f"nnctl: {version}"))
    assert found.message.startswith("this nnctl reads version 1 of the language, not ")
    assert found.expected == "nnctl: 1"


def test_version_one_however_it_is_written(loads: Load) -> None:
    assert loads(GOOD.replace("nnctl: 1", "nnctl: 1.0")).experiment.nnctl == 1


def test_a_typo_is_mended_before_another_section_is_named(problems: Problems) -> None:
    (found,) = problems(training("{loss: mse, validation: 0.2}"))
    assert found.suggestion == "validation_frequency"
    assert (found.expected or "").startswith("one of epochs, optimizer, ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 20", "checkpoint: {kep: 3}", "'checkpoint' has no key 'kep'"),
        ("{shape: [8, 8, 1]}", "{shap: [3]}", "'image' has no key 'shap'"),
        ("batch_size: 32", "columns: {a: {scal: x}}", "'a' has no key 'scal'"),
    ],
)
def test_a_mapping_without_a_type_is_called_by_its_key(
    problems: Problems, old: str, new: str, message: str
) -> None:
    assert [p.message for p in problems(GOOD.replace(old, new))] == [message]


def test_a_model_both_written_out_and_from_a_file_is_not_looked_into(problems: Problems) -> None:
    """What is left of it is no experiment either."""
    text = GOOD.replace("  inputs:\n", "  path: m.yaml\n  inputs:\n").replace("units: 10", "unit: 10")
    assert [p.message for p in problems(text)] == ["Dense needs 'units'", "Dense has no key 'unit'"]
