"""Problems of several kinds in one config come together; none that only follows from another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.report.errors import error_lines
from nnctl.spec.load import PartlyValid, load
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.nodes import plain
from nnctl.spec.yaml.source_text import SourceText
from nnctl.workflow.assemble import assemble
from nnctl.workflow.check import check

CASES = {
    "settings and a shape": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
seed: 3
model:
  layers:
    - {type: Dense, units: 12, name: first}
    - {type: Conv2D, filters: 4, kernel_size: 3}
    - {type: Dense, units: 3, activation: softmax}
training:
  epochs: 0
  optimiser: adam
  loss: sparse_categorical_crossentropy
""",
        """\
c.yaml:7:7: error: layer 'conv2d': Conv2D needs an input of 3 axes (height, width, channels) besides the \
batch, but (12) comes in (it reads 'first' (12))
      - {type: Conv2D, filters: 4, kernel_size: 3}
        ^
  expected: an input of shape (height, width, channels); put {type: Reshape, target_shape: [..., ..., \
...]} before it
c.yaml:10:11: error: 'epochs' cannot be 0
    epochs: 0
            ^
  expected: a whole number, 1 or more
c.yaml:11:3: error: 'training' has no key 'optimiser'
    optimiser: adam
    ^
  did you mean 'optimizer'?
3 problems
""",
    ),
    "callbacks one by one": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dense, units: 3, activation: softmax}]}
training:
  class_weight: {5: 2.0}
  loss: sparse_categorical_crossentropy
  callbacks:
    - {type: EarlyStopping, monitor: val_loss}
    - {type: EarlyStoping}
    - {type: EarlyStopping, monitor: accuracy}
  steps_per_epoch: 0
""",
        """\
c.yaml:5:18: error: there is no class '5'
    class_weight: {5: 2.0}
                   ^
c.yaml:8:38: error: there is no 'val_loss' to monitor; it needs a validation split
      - {type: EarlyStopping, monitor: val_loss}
                                       ^
  did you mean 'loss'?
c.yaml:9:14: error: nnctl has no callback 'EarlyStoping'
      - {type: EarlyStoping}
               ^
  did you mean 'EarlyStopping'?
c.yaml:10:38: error: there is no 'accuracy' to monitor
      - {type: EarlyStopping, monitor: accuracy}
                                       ^
c.yaml:11:20: error: 'steps_per_epoch' cannot be 0
    steps_per_epoch: 0
                     ^
  expected: a whole number, 1 or more, or null
5 problems
""",
    ),
    "layers": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model:
  layers:
    - {type: Dense, units: 12, name: first}
    - {type: Conv2D, filters: 4, kernel_size: 3, name: image}
    - {type: Dense, unit: 5, inputs: first, name: side}
    - {type: Concatenate, inputs: [image, side]}
    - {type: Dense, units: 3, activaton: softmax}
training: {loss: sparse_categorical_crossentropy}
""",
        """\
c.yaml:6:7: error: layer 'image': Conv2D needs an input of 3 axes (height, width, channels) besides the \
batch, but (12) comes in (it reads 'first' (12))
      - {type: Conv2D, filters: 4, kernel_size: 3, name: image}
        ^
  expected: an input of shape (height, width, channels); put {type: Reshape, target_shape: [..., ..., \
...]} before it
c.yaml:7:7: error: Dense needs 'units'
      - {type: Dense, unit: 5, inputs: first, name: side}
        ^
  expected: units: a whole number above 0
c.yaml:7:21: error: Dense has no key 'unit'
      - {type: Dense, unit: 5, inputs: first, name: side}
                      ^
  did you mean 'units'?
c.yaml:9:31: error: Dense has no key 'activaton'
      - {type: Dense, units: 3, activaton: softmax}
                                ^
  did you mean 'activation'?
4 problems
""",
    ),
    "a metric, labels and a callback": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dense, units: 2, activation: softmax, name: o}]}
training:
  loss: sparse_categorical_crossentropy
  metrics: [mae, categorical_accuracy]
  callbacks: [{type: EarlyStopping, monitor: val_categorical_accuracy}]
""",
        """\
c.yaml:3:39: error: output 'o' has 2 classes (0 to 1), but the label 2 occurs (d.csv, row 4)
  model: {layers: [{type: Dense, units: 2, activation: softmax, name: o}]}
                                        ^
  expected: units: 3
c.yaml:6:13: error: the metric does not fit output 'o': mae reads numbers, but this output's loss makes \
the targets class numbers
    metrics: [mae, categorical_accuracy]
              ^
  expected: a metric for class numbers
c.yaml:6:18: error: the metric does not fit output 'o': categorical_accuracy reads one-hot targets, but \
this output's loss makes the targets class numbers
    metrics: [mae, categorical_accuracy]
                   ^
  expected: a metric for class numbers
c.yaml:7:46: error: there is no 'val_categorical_accuracy' to monitor; it needs a validation split
    callbacks: [{type: EarlyStopping, monitor: val_categorical_accuracy}]
                                               ^
4 problems
""",
    ),
    "a target and a shape": (
        """\
data: {source: {type: csv, path: d.csv, target: tt}}
model:
  inputs: {x: {shape: [2]}}
  layers: [{type: Reshape, target_shape: [3]}, {type: Dense, units: 3}]
training: {loss: mse}
""",
        """\
c.yaml:2:49: error: the data has no column 'tt'
  data: {source: {type: csv, path: d.csv, target: tt}}
                                                  ^
  did you mean 't'?
c.yaml:5:42: error: layer 'reshape': Reshape cannot see the 2 numbers of (2) as (3) (it reads 'x' (2))
    layers: [{type: Reshape, target_shape: [3]}, {type: Dense, units: 3}]
                                           ^
  expected: lengths whose product is 2; one may be -1
2 problems
""",
    ),
    "nothing that only follows: a layer's typo": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model:
  layers:
    - {type: Dense, units: 4, activaton: relu}
    - {type: Conv2D, filters: 4, kernel_size: 3}
    - {type: Dense, units: 2, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
""",
        """\
c.yaml:5:31: error: Dense has no key 'activaton'
      - {type: Dense, units: 4, activaton: relu}
                                ^
  did you mean 'activation'?
""",
    ),
    "nothing that only follows: an input's name": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model:
  layers:
    - {type: Dense, units: 4, name: a}
    - {type: Dense, units: 5, inputs: input, name: b}
    - {type: Add, inputs: [b, a]}
    - {type: Dense, units: 3, inputs: b}
training: {loss: sparse_categorical_crossentropy}
""",
        """\
c.yaml:7:7: error: nothing reads 'add', and it is no output
      - {type: Add, inputs: [b, a]}
        ^
  expected: an entry with `inputs: add`, or one less entry
""",
    ),
    "nothing that only follows: an output's name": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dens, units: 3}], outputs: [dens]}
training: {loss: mse}
""",
        """\
c.yaml:3:25: error: nnctl has no layer 'Dens'
  model: {layers: [{type: Dens, units: 3}], outputs: [dens]}
                          ^
  did you mean 'Dense'?
""",
    ),
    "nothing that only follows: a metric's typo": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dense, units: 3, activation: softmax}]}
training:
  loss: sparse_categorical_crossentropy
  metrics: [acuracy]
  callbacks: [{type: EarlyStopping, monitor: accuracy}]
""",
        """\
c.yaml:6:13: error: nnctl has no metric 'acuracy'
    metrics: [acuracy]
              ^
  did you mean 'accuracy'?
""",
    ),
    "nothing that only follows: a loss that may read other labels": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dense, units: 2, activation: softmax}]}
training:
  loss: {type: SparseCategoricalCrossentropy, ignore_clas: 2}
""",
        """\
c.yaml:5:47: error: SparseCategoricalCrossentropy has no key 'ignore_clas'
    loss: {type: SparseCategoricalCrossentropy, ignore_clas: 2}
                                                ^
  did you mean 'ignore_class'?
""",
    ),
    "nothing that only follows: a split at the wrong place": (
        """\
data: {source: {type: csv, path: d.csv, target: t}}
model: {layers: [{type: Dense, units: 3, activation: softmax}]}
training:
  loss: sparse_categorical_crossentropy
  validation_split: 0.2
  callbacks: [EarlyStopping]
""",
        """\
c.yaml:6:3: error: 'training' has no key 'validation_split'
    validation_split: 0.2
    ^
  expected: data: {split: {validation: 0.2}}, or a source of its own: data.validation
""",
    ),
}


def problems(text: str, run: Callable[..., object], overrides: Sequence[str] = ()) -> str:
    """What a user reads about a config, without the lists of everything that there is."""
    Path("c.yaml").write_text("nnctl: 1\n" + text)
    with pytest.raises(ConfigError) as caught:
        run(Path("c.yaml"), overrides=overrides)
    lines = error_lines(caught.value)
    return "".join(f"{line}\n" for line in lines if not line.startswith("  expected: one of"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve rows of two numbers and a label from 0 to 2."""
    rows = [f"{i}.5,{i * i % 7},{i % 3}\n" for i in range(12)]
    (tmp_path / "d.csv").write_text("a,b,t\n" + "".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("run", [check, assemble])
def test_rendering(name: str, run: Callable[..., object], here: Path) -> None:
    text, expected = CASES[name]
    assert problems(text, run) == expected


def test_an_override_is_pointed_at(here: Path) -> None:
    text = CASES["settings and a shape"][0].replace("  epochs: 0\n", "")
    shown = problems(text, check, ["training.epochs=-1"])
    assert "c.yaml:7:7: error: layer 'conv2d'" in shown
    assert "--set:1:17: error: 'epochs' cannot be -1" in shown


def test_what_is_wrong_with_the_data_waits_for_the_config(here: Path) -> None:
    (here / "d.csv").unlink()
    text = CASES["settings and a shape"][0]
    assert "error: 'epochs' cannot be 0" in problems(text, check)
    (here / "c.yaml").write_text(
        "nnctl: 1\n" + text.replace("epochs: 0", "epochs: 1").replace("optimis", "optimiz")
    )
    with pytest.raises(DataError):
        check(here / "c.yaml")


RIGHT = """\
nnctl: 1
data:
  source: {type: csv, path: d.csv}
  inputs: {num: [a], word: [b]}
  targets: {kind: t, size: a}
  columns: {b: {type: category, encoding: index}, t: {type: number}}
  split: {validation: 0.25}
  batch_size: 5
  shuffle: true
model:
  inputs: {num: {shape: [1]}, word: {}}
  layers:
    - {type: Embedding, input_dim: 7, output_dim: 3, inputs: word, name: table}
    - {type: Flatten, name: flat}
    - {type: Dense, units: 3, inputs: num, name: d}
    - {use: d, inputs: num, name: again}
    - {type: Reshape, target_shape: [3, 1]}
    - {type: LSTM, units: 3, return_state: true, name: rnn}
    - {type: Add, inputs: ['rnn:1', 'rnn:2', flat, d]}
    - {type: Sequential, layers: [{type: Dense, units: 6}, {type: Dropout, rate: 0.1}], name: inner}
    - {type: Dense, units: 2, activation: softmax, name: kind}
    - {type: Dense, units: 1, inputs: inner, name: size}
  outputs: [kind, size]
training:
  loss: {kind: {type: SparseCategoricalCrossentropy, ignore_class: 2}, size: mse}
  loss_weights: {kind: 1.0, size: 0.5}
  metrics: {kind: [accuracy], size: [mae, {type: MeanSquaredError, name: square}]}
  weighted_metrics: {size: [mae]}
  callbacks:
    - {type: EarlyStopping, monitor: val_kind_accuracy, patience: 2}
    - {type: ReduceLROnPlateau, monitor: size_square, mode: min}
  checkpoint: {every: epoch, keep: 3}
"""
"""Everything in it depends on something else in it."""


def mistakes(value: Any, root: Any) -> Iterator[Any]:
    """`root` with one key below `value` misspelled or one value wrong, and right again afterwards."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield from mistakes(value[key], root) if isinstance(value[key], dict | list) else ()
        before = value[key]
        value[key] = -7.5
        yield root
        value[key] = before
        if isinstance(value, dict) and isinstance(key, str):
            items = list(value.items())
            for wrong in (key[:-1] or "z", key + "x"):
                value.clear()
                value.update((wrong if k == key else k, v) for k, v in items)
                yield root
            value.clear()
            value.update(items)


def problems_of(run: Callable[[Path], object], config: Path) -> ConfigError | None:
    try:
        run(config)
    except ConfigError as error:
        return error
    return None


def test_one_mistake_is_followed_by_no_other_kind_of_problem(here: Path) -> None:
    config = plain(parse_document(SourceText("c.yaml", RIGHT)).root)
    (here / "c.yaml").write_text(block(config))
    check(here / "c.yaml")
    gone_on = 0
    for wrong in mistakes(config, config):
        (here / "c.yaml").write_text(block(wrong))
        first = problems_of(load, here / "c.yaml")
        if first is not None:
            whole = problems_of(check, here / "c.yaml")
            assert whole is not None
            assert whole.problems == first.problems
            gone_on += isinstance(first, PartlyValid)
    assert gone_on > 80
