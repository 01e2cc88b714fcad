"""The shape errors that only inference finds, as a user reads them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.command import CONFIGS, nnctl

HEAD = """\
nnctl: 1
data:
  source: {type: csv, path: data/digits.csv.gz, target: label}
model:
"""

CASES = {
    "Conv2D on a flat vector": (
        """\
  layers:
    - {type: Dense, units: 12, name: first}
    - {type: Conv2D, filters: 4, kernel_size: 3}
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
""",
        """\
wrong.yaml:7:7: error: layer 'conv2d': Conv2D needs an input of 3 axes (height, width, channels) besides \
the batch, but (12) comes in (it reads 'first' (12))
      - {type: Conv2D, filters: 4, kernel_size: 3}
        ^
  expected: an input of shape (height, width, channels); put {type: Reshape, target_shape: [..., ..., ...]} \
before it
""",
    ),
    "Concatenate of unequal shapes": (
        """\
  inputs:
    image: {shape: [8, 8, 1]}
  layers:
    - {type: Conv2D, filters: 4, kernel_size: 3, name: left}
    - {type: Conv2D, filters: 5, kernel_size: 5, inputs: image, name: right}
    - {type: Concatenate, inputs: [left, right]}
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
""",
        """\
wrong.yaml:10:7: error: layer 'concatenate': Concatenate along axis -1 cannot join (6, 6, 4) and \
(4, 4, 5) (it reads 'left' (6, 6, 4), 'right' (4, 4, 5))
      - {type: Concatenate, inputs: [left, right]}
        ^
  expected: inputs that differ only along axis -1
""",
    ),
    "masks that do not join": (
        """\
  inputs:
    pixels: {shape: [64]}
  layers:
    - {type: Embedding, input_dim: 17, output_dim: 3, mask_zero: true, name: row}
    - {type: Reshape, target_shape: [1, 64], inputs: pixels}
    - {type: Embedding, input_dim: 17, output_dim: 3, mask_zero: true, name: sheet}
    - {type: Add, inputs: [row, sheet]}
    - Flatten
    - {type: Dense, units: 10, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
""",
        """\
wrong.yaml:11:7: error: layer 'add': Add cannot join the masks of inputs with different numbers of axes: \
(64, 3), (1, 64, 3)
      - {type: Add, inputs: [row, sheet]}
        ^
  expected: inputs of as many axes, or one without a mask (put Flatten or Reshape before it)
""",
    ),
    "a loss that does not fit": (
        """\
  layers:
    - {type: Dense, units: 10, activation: softmax, name: digit}
training:
  loss: categorical_crossentropy
""",
        """\
wrong.yaml:8:9: error: output 'digit' is (10), so CategoricalCrossentropy wants a target of (10), \
but the data gives ()
    loss: categorical_crossentropy
          ^
  expected: sparse_categorical_crossentropy for numbers of classes, or the target's column as \
{type: category, encoding: onehot}
""",
    ),
    "labels outside the classes": (
        """\
  layers:
    - {type: Dense, units: 8, activation: softmax, name: digit}
training:
  loss: sparse_categorical_crossentropy
""",
        """\
wrong.yaml:6:28: error: output 'digit' has 8 classes (0 to 7), but the label 8 occurs \
(data/digits.csv.gz, row 10)
      - {type: Dense, units: 8, activation: softmax, name: digit}
                             ^
  expected: units: 10
""",
    ),
}


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    shutil.copy(CONFIGS / "data" / "digits.csv.gz", tmp_path / "data")
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_rendering(name: str, digits: Path) -> None:
    config, expected = CASES[name]
    (digits / "wrong.yaml").write_text(HEAD + config)
    checked = nnctl("check", "wrong.yaml", cwd=digits)
    assert (checked.code, checked.out) == (2, "")
    assert checked.err == expected


@pytest.mark.parametrize("name", CASES)
def test_train_says_the_same_and_writes_nothing(name: str, digits: Path) -> None:
    config, expected = CASES[name]
    (digits / "wrong.yaml").write_text(HEAD + config)
    trained = nnctl("train", "wrong.yaml", cwd=digits)
    assert (trained.code, trained.err) == (2, expected)
    assert sorted(p.name for p in digits.iterdir()) == ["data", "wrong.yaml"]


def test_an_override_is_pointed_at(digits: Path) -> None:
    (digits / "wrong.yaml").write_text(HEAD + CASES["labels outside the classes"][0])
    override = "model.layers.digit.units=5"
    shown = nnctl("check", "wrong.yaml", "--set", override, cwd=digits)
    assert shown.code == 2
    where, line, caret, _ = shown.err.splitlines()
    assert where.startswith("--set:1:26: error: output 'digit' has 5 classes")
    assert line.strip() == override
    assert caret.index("^") == line.index("5")
