"""An Embedding's indices: what its table has no row for is told, never looked up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.workflow.check import check
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.predict import predict
from nnctl.workflow.train import start

CONFIG = """nnctl: 1
data:
  source: {type: npz, path: words.npz}
  target: y
  inputs: {x: x}
  split: {test: 0.25}
model:
  inputs: {x: {shape: [null]}}
  layers:
    - {type: Embedding, input_dim: 9, output_dim: 2, mask_zero: true, name: words}
    - {type: LSTM, units: 3}
    - {type: Dense, units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    indices = np.arange(20 * 5).reshape(20, 5) % 9
    np.savez(tmp_path / "words.npz", x=indices, y=np.arange(20) % 2)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def test_a_table_too_small_for_the_data(config: Path) -> None:
    with pytest.raises(ConfigError, match="'words' has a table of 7 rows") as caught:
        check(config, overrides=["model.layers.words.input_dim=7"])
    (problem,) = caught.value.problems
    assert problem.expected == "input_dim: 9"
    assert problem.place is not None
    assert problem.place.file == "--set"


def test_a_file_with_unknown_indices(config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for _ in start(config, run_dir=run, threads=1).events():
        pass
    for wrong in (9, -1):
        np.savez(tmp_path / "new.npz", x=np.array([[1, 2, 3], [4, wrong, 8]]), y=np.array([0, 1]))
        with pytest.raises(DataError, match=f"the index {wrong} is none of the 0 to 8") as caught:
            predict(str(run), tmp_path / "new.npz", tmp_path / "out.csv", threads=1)
        assert caught.value.row == 2
        assert not (tmp_path / "out.csv").exists()
        with pytest.raises(DataError):
            evaluate(str(run), data=tmp_path / "new.npz", threads=1)


def test_every_split_and_the_first_place_is_told(config: Path, tmp_path: Path) -> None:
    """One problem for each table, with its file and row; below 0 no larger table helps."""
    good = np.arange(20 * 5).reshape(20, 5) % 9
    np.savez(tmp_path / "words.npz", x=good, y=np.arange(20) % 2)
    text = CONFIG.replace("  split: {test: 0.25}", "  validation: {type: npz, path: more.npz}")
    config.write_text(text.replace("source:", "train:"))
    for wrong, expected in ((12, "input_dim: 13"), (-1, "indices from 0 on")):
        np.savez(tmp_path / "more.npz", x=np.array([[1, 2, 3], [4, wrong, wrong]]), y=np.array([0, 1]))
        with pytest.raises(ConfigError) as caught:
            check(config)
        (problem,) = caught.value.problems
        assert problem.message == (
            f"'words' has a table of 9 rows (0 to 8), but the index {wrong} occurs (more.npz, row 2)"
        )
        assert problem.path == ("model", "layers", 0, "input_dim")
        assert problem.expected == expected


def test_what_another_layer_gives_is_no_index_of_the_data(config: Path) -> None:
    """An Embedding of what a layer made of the indices is not held against them."""
    text = CONFIG.replace("  layers:\n", "  layers:\n    - {type: Rescaling, scale: 0.1}\n")
    config.write_text(text.replace("input_dim: 9", "input_dim: 2"))
    check(config)


CATEGORIES = """nnctl: 1
data:
  source: {type: csv, path: jobs.csv}
  target: y
  inputs: {job: job}
  columns: {job: {type: category, encoding: index, unknown: other}}
model:
  layers:
    - {type: Embedding, input_dim: 4, output_dim: 2, name: jobs}
    - Flatten
    - {type: Dense, units: 1}
training: {loss: mse}
"""


def test_a_class_for_unknown_words_has_its_row(tmp_path: Path) -> None:
    """No word of the training data is unknown: only `predict` would miss the row, so `check` counts."""
    (tmp_path / "jobs.csv").write_text("job,y\na,1\nb,2\nc,3\na,4\n")
    (tmp_path / "config.yaml").write_text(CATEGORIES)
    check(tmp_path / "config.yaml")
    with pytest.raises(ConfigError, match="'jobs' has a table of 3 rows, but 'job' has 4 classes") as caught:
        check(tmp_path / "config.yaml", overrides=["model.layers.jobs.input_dim=3"])
    (problem,) = caught.value.problems
    assert problem.message.endswith("4 classes, that of unknown and missing words included")
    assert problem.path == ("model", "layers", 0, "input_dim")
    assert problem.expected == "input_dim: 4"
    with pytest.raises(ConfigError, match=r"a table of 2 rows, but 'job' has 3 classes$"):
        check(
            tmp_path / "config.yaml",
            overrides=["data.columns.job.unknown=error", "model.layers.jobs.input_dim=2"],
        )
    known = ["data.columns.job.unknown=error", "model.layers.jobs.input_dim=3"]
    check(tmp_path / "config.yaml", overrides=known)


def test_numbers_of_classes_are_told_beside_their_weights(tmp_path: Path) -> None:
    """In any order of writing, and the weights are no class numbers."""
    np.savez(tmp_path / "d.npz", n=np.array([[0, 3], [1, 1]]), w=np.full((2, 2), 0.5), y=np.arange(2))
    (tmp_path / "c.yaml").write_text("""nnctl: 1
data: {source: d.npz, target: y, inputs: {n: n, w: w}}
model:
  inputs: {n: {shape: [2]}, w: {shape: [2]}}
  layers:
    - type: CategoryEncoding
      num_tokens: 4
      output_mode: count
      inputs: {count_weights: w, inputs: n}
      name: counts
    - {type: Dense, units: 1}
training: {loss: mse}
""")
    check(tmp_path / "c.yaml")
    with pytest.raises(
        ConfigError, match=r"'counts' has num_tokens: 3 \(0 to 2\), but the index 3"
    ) as caught:
        check(tmp_path / "c.yaml", overrides=["model.layers.counts.num_tokens=3"])
    assert caught.value.problems[0].expected == "num_tokens: 4"


COMPUTED = """nnctl: 1
data: {source: ids.csv, target: y, split: {test: 0.25}}
model:
  layers:
    - MAKING
    - Flatten
    - {type: Embedding, input_dim: 5, output_dim: 2, name: table}
    - Flatten
    - {type: Dense, units: 1}
training: {loss: mse}
"""


@pytest.mark.parametrize(
    ("making", "numbers"),
    [
        ("{type: Hashing, num_bins: 6}", "0 to 5"),
        ("{type: IntegerLookup, max_tokens: 7}", "0 to 6"),
        ("{type: IntegerLookup, vocabulary: [3, 4], invert: true}", "-1 to 4"),
        ("{type: Discretization, bin_boundaries: [1, 2, 3, 4, 5]}", "0 to 5"),
        ("{type: Hashing, num_bins: 5}", None),
        ("{type: IntegerLookup, vocabulary: [3, 4], invert: true, oov_token: 0}", None),
        ("{type: Hashing, num_bins: 6, output_mode: one_hot}", None),
    ],
)
def test_a_table_too_small_for_what_a_layer_gives(making: str, numbers: str | None, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("id,y\n" + "".join(f"{i},{i}\n" for i in range(8)))
    (tmp_path / "c.yaml").write_text(COMPUTED.replace("MAKING", making))
    if numbers is None:
        check(tmp_path / "c.yaml")
        return
    with pytest.raises(
        ConfigError, match=rf"of 5 rows \(0 to 4\), but '\w+' gives numbers from {numbers}"
    ) as c:
        check(tmp_path / "c.yaml")
    (problem,) = c.value.problems
    assert problem.path == ("model", "layers", 2, "input_dim")
    last = numbers.split()[-1]
    assert problem.expected == ("numbers from 0 on" if numbers[0] == "-" else f"input_dim: {int(last) + 1}")
