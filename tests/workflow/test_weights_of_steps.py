"""Sample weights and class weights of steps: beside Keras, from arrays, sequences and windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.core.events import EpochEnded
from nnctl.formats.keras.archive import keras_archive
from nnctl.workflow.assemble import assemble
from nnctl.workflow.check import check
from nnctl.workflow.class_weights import class_weights
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.train import start
from tests.data.examples import examples
from tests.workflow.beside_keras import trained_beside_keras

ARRAYS = """nnctl: 1
data:
  source: {type: npz, path: d.npz}
  inputs: {x: x}
  targets: {out: y}
  sample_weight: w
  batch_size: 5
  shuffle: false
model:
  inputs: {x: {shape: [6, 2]}}
  layers:
    - {type: Masking, mask_value: -9}
    - {type: GRU, units: 3, return_sequences: true}
    - {type: Dense, units: 3, activation: softmax, name: out}
training:
  epochs: 1
  optimizer: {type: SGD, learning_rate: 0.3}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  weighted_metrics: [accuracy, sparse_categorical_crossentropy]
"""
COUNT, STEPS = 11, 6
"""Batches of 5, 5 and 1."""


def drawn(path: Path, masked: bool) -> dict[str, Any]:
    """Examples of six steps, with a weight each, on disk too; some weigh nothing."""
    rng = np.random.default_rng(7)
    made: dict[str, Any] = {
        "x": rng.standard_normal((COUNT, STEPS, 2)).astype(np.float32),
        "y": rng.integers(0, 3, (COUNT, STEPS)),
        "z": rng.standard_normal((COUNT, STEPS, 2)).astype(np.float32),
        "w": rng.uniform(0, 2, (COUNT, STEPS)).astype(np.float32),
        "v": rng.uniform(0, 2, COUNT).astype(np.float32),
    }
    made["w"][[1, 4], [2, 5]] = made["w"][7] = 0
    if masked:
        for row, steps in enumerate([6, 1, 4, 2, 6, 3, 5, 0, 6, 2, 3]):
            made["x"][row, steps:] = -9
    np.savez(path / "d.npz", **made, w3=made["w"][..., None], v1=made["v"][:, None])
    return made


def trained(config: Path, run: Path, *overrides: str) -> dict[str, float]:
    """The logs of one epoch."""
    events = start(config, run_dir=run, threads=1, overrides=overrides).events()
    (ours,) = [dict(event.logs) for event in events if isinstance(event, EpochEnded)]
    del ours["learning_rate"]
    return ours


def sha(run: Path) -> str:
    return str(json.loads((run / "manifest.json").read_text())["weights_sha256"])


def first_model(config: Path, *overrides: str) -> Any:
    """Keras's model with the weights that a training begins with."""
    keras = pytest.importorskip("keras")
    assembled = assemble(config, overrides=overrides)
    session = assembled.session(1)
    session.initialize()
    spec = assembled.loaded.experiment.model
    path = config.parent / "first.keras"
    path.write_bytes(keras_archive(spec, assembled.model, session.weights.arrays, name="m", dtype="float32"))
    return keras.saving.load_model(path)


NUMBERS = (
    "data.targets.out=z", "model.layers.out.units=2", "model.layers.out.activation=linear",
    "training.loss=mse", "training.metrics=[mae]", "training.weighted_metrics=[mae, mse]",
)  # fmt: skip


@pytest.mark.keras
@pytest.mark.parametrize(
    ("masked", "classes", "reduction"),
    [
        (True, True, "sum_over_batch_size"),
        (False, False, "mean_with_sample_weight"),
        pytest.param(False, True, "sum_over_batch_size", marks=pytest.mark.slow),
        pytest.param(True, False, "sum_over_batch_size", marks=pytest.mark.slow),
        pytest.param(True, True, "mean_with_sample_weight", marks=pytest.mark.slow),
        pytest.param(True, False, "sum", marks=pytest.mark.slow),
    ],
)
def test_as_in_keras(masked: bool, classes: bool, reduction: str, tmp_path: Path) -> None:
    """Logs of three steps of the optimizer, the last of one example; `eval` after them shows the weights.

    Keras on JAX does not mask the metrics of a step that trains.
    """
    keras = pytest.importorskip("keras")
    made = drawn(tmp_path, masked)
    config = tmp_path / "c.yaml"
    config.write_text(ARRAYS)
    overrides = list(() if classes else NUMBERS)
    name = "SparseCategoricalCrossentropy" if classes else "MeanSquaredError"
    overrides += [f"training.loss={{type: {name}, reduction: {reduction}}}"]
    theirs = first_model(config, *overrides)
    theirs.compile(
        keras.optimizers.SGD(0.3), loss=getattr(keras.losses, name)(reduction=reduction),
        metrics=["accuracy"] if classes else ["mae"],
        weighted_metrics=["accuracy", "sparse_categorical_crossentropy"] if classes else ["mae", "mse"],
    )  # fmt: skip
    x, y, w = made["x"], made["y" if classes else "z"], made["w"]
    rest: dict[str, Any] = {"sample_weight": w, "batch_size": 5, "verbose": 0}
    logs = theirs.fit(x, y, shuffle=False, **rest).history
    ours = trained(config, tmp_path / "run", *overrides)
    compared = ["loss"] if masked else list(logs)
    assert {k: ours[k] for k in compared} == pytest.approx({k: logs[k][0] for k in compared}, rel=2e-5)
    expected = theirs.evaluate(x, y, return_dict=True, **rest)
    found = evaluate(str(tmp_path / "run"), data=tmp_path / "d.npz", threads=1).metrics
    assert found == pytest.approx(expected, rel=2e-5)


def test_one_for_all_steps_and_streamed(tmp_path: Path) -> None:
    """To the bit: a weight per example is (N,) or (N, 1), one per step (N, T) or (N, T, 1), or on disk."""
    made = drawn(tmp_path, masked=True)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.update({**made, "w3": made["w"][..., None]})
    np.savez(tmp_path / "r.npz", **{**made, "w": np.repeat(made["v"][:, None], STEPS, 1)})
    (tmp_path / "c.yaml").write_text(ARRAYS)
    disk = "data.source={type: hdf5, path: d.h5}"
    cases: dict[str, list[str]] = {
        "steps": [], "column": ["data.sample_weight=w3"], "named": ["data.sample_weight={out: w}"],
        "disk": [disk], "disk column": [disk, "data.sample_weight=w3"],
        "example": ["data.sample_weight=v"], "example column": ["data.sample_weight=v1"],
        "repeated": ["data.source.path=r.npz"],
    }  # fmt: skip
    logs = {n: trained(tmp_path / "c.yaml", tmp_path / n, *given) for n, given in cases.items()}
    bits = {name: sha(tmp_path / name) for name in cases}
    assert len({bits[name] for name in ("steps", "column", "named", "disk", "disk column")}) == 1
    assert bits["example"] == bits["example column"] == bits["repeated"] != bits["steps"]
    assert logs["repeated"]["loss"] == logs["example"]["loss"]


SEQUENCES = """nnctl: 1
data:
  train: {type: csv, path: steps.csv}
  validation: {type: csv, path: more.csv}
  target: said
  inputs: read
  sample_weight: heed
  columns:
    read: {type: sequence, value: -9, padding: pre}
    said: {type: sequence, padding: pre}
    heed: {type: sequence, separator: ";"}
  batch_size: 4
  shuffle: false
  batching: {bucket_boundaries: [3, 5]}
model:
  inputs: {read: {shape: [null, 1]}}
  layers:
    - {type: Masking, mask_value: -9}
    - {type: GRU, units: 3, return_sequences: true}
    - {type: Dense, units: 3, activation: softmax, name: out}
training:
  epochs: 1
  optimizer: {type: SGD, learning_rate: 0.1}
  loss: sparse_categorical_crossentropy
  weighted_metrics: [accuracy]
"""
LENGTHS = {"steps.csv": [1, 4, 6, 2, 3, 5, 4, 1, 2, 7, 5, 3, 6], "more.csv": [3, 1, 7, 2, 2, 6, 1, 5]}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A config whose sequences stand in the cells of two tables."""
    rng = np.random.default_rng(1)
    for name, lengths in LENGTHS.items():
        rows = [
            ",".join(
                (
                    " ".join(f"{x:.3f}" for x in rng.standard_normal(n)),
                    " ".join(map(str, rng.integers(0, 3, n))),
                    ";".join(f"{x:.2f}" for x in rng.uniform(0, 2, n)),
                )
            )
            for n in lengths
        ]
        (tmp_path / name).write_text("\n".join(["read,said,heed", *rows, ""]))
    (tmp_path / "c.yaml").write_text(SEQUENCES)
    return tmp_path / "c.yaml"


@pytest.mark.keras
def test_sequences_in_buckets_as_in_keras(cells: Path) -> None:
    """With weights that are cut and filled up as the target is, 0 where there is no step."""
    compiled = {"loss": "sparse_categorical_crossentropy", "weighted_metrics": ["accuracy"]}
    job, _ = trained_beside_keras(cells, **compiled)
    assert job.batches.steps == 4
    found = examples(job.train.data)["sample_weight"]  # type: ignore[attr-defined]
    first = (cells.parent / "steps.csv").read_text().splitlines()[2].split(",")[2].split(";")
    assert found[1].tolist() == pytest.approx([0, 0, 0, *map(float, first)])
    assert ((found > 0).sum(axis=1) == LENGTHS["steps.csv"]).all()


def test_sequences_cut_as_the_target_is(cells: Path) -> None:
    """Whatever the column of weights leaves open."""
    cut = [f"data.columns.{c}.{field}" for c in ("said", "read") for field in ("maxlen=4", "truncating=post")]
    shorter = [*cut, "data.batching=null"]
    found = examples(assemble(cells, overrides=shorter).data.train)
    longest = (cells.parent / "steps.csv").read_text().splitlines()[10].split(",")
    assert found["out"][9].tolist() == list(map(int, longest[1].split()[:4]))
    assert found["sample_weight"][9].tolist() == pytest.approx(list(map(float, longest[2].split(";")[:4])))


def test_weights_that_are_an_input_too(cells: Path) -> None:
    """What the config says of the column is for the input then, but for what the target has as well."""
    both = ["data.inputs=[read, heed]", "model.inputs.read.shape=[null, 2]", "data.columns.heed.scale=4",
            "data.columns.heed.value=-9", "data.columns.heed.padding=pre", "data.columns.heed.maxlen=7",
            "data.columns.read.maxlen=7"]  # fmt: skip
    found = examples(assemble(cells, overrides=both).data.train)
    first = (cells.parent / "steps.csv").read_text().splitlines()[2].split(",")[2].split(";")
    assert found["sample_weight"][1].tolist() == pytest.approx([0, 0, 0, *map(float, first)])
    assert (found["read"][1, :, 1] * 4).tolist() == pytest.approx([-36, -36, -36, *map(float, first)])


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(cells: Path, tmp_path: Path) -> None:
    overrides = ["training.epochs=3", "data.shuffle=true", "training.class_weight={0: 2.0, 1: 0.5}"]
    for _ in start(cells, run_dir=tmp_path / "whole", threads=1, overrides=overrides).events():
        pass
    events = start(cells, run_dir=tmp_path / "cut", threads=1, overrides=overrides).events()
    for event in events:
        if isinstance(event, EpochEnded) and event.epoch == 1:
            break
    events.close()  # type: ignore[attr-defined]
    for _ in start(cells, run_dir=tmp_path / "cut", threads=1, overrides=overrides, resume=True).events():
        pass
    assert sha(tmp_path / "whole") == sha(tmp_path / "cut")


def test_a_file_of_sequences(cells: Path, tmp_path: Path) -> None:
    """`eval` reads weights of another file as training did, and holds their steps against the target's."""
    trained(cells, tmp_path / "run")
    data = tmp_path / "more.csv"
    found = evaluate(str(tmp_path / "run"), data=data, threads=1).metrics
    assert found == evaluate(str(tmp_path / "run"), split="validation", threads=1).metrics
    data.write_text("read,said,heed\n1 2,0 1,1;1\n1 2 3,0 1 2,1;0\n")
    with pytest.raises(
        DataError, match=r"more.csv:3, column 'heed': the sequence has 2 steps, but that of 's"
    ):
        evaluate(str(tmp_path / "run"), data=data, threads=1)
    data.write_text("read,said,heed\n1 2,0 1,1;1\n1 2 3,0 1 2,1;0;-1\n")
    with pytest.raises(DataError, match=r"more.csv:3, column 'heed': a sample weight is negative"):
        evaluate(str(tmp_path / "run"), data=data, threads=1)


ROWS = """nnctl: 1
data:
  source: {type: npz, path: d.npz}
  inputs: {x: x}
  targets: {out: y}
  sample_weight: w
  window: {length: 5, targets: each, horizon: 2}
  batch_size: 4
  shuffle: false
model:
  inputs: {x: {shape: [5, 2]}}
  layers: [{type: LSTM, units: 3, return_sequences: true}, {type: Dense, units: 1, name: out}]
training: {optimizer: {type: SGD, learning_rate: 0.1}, loss: mse, weighted_metrics: [mae]}
"""


def test_windows(tmp_path: Path) -> None:
    """Each row's weight is that of its target, `horizon` rows behind; of one target per window, the one."""
    rng = np.random.default_rng(3)
    x, y, w = rng.standard_normal((14, 2)), rng.standard_normal(14), rng.uniform(0, 2, 14)
    np.savez(tmp_path / "d.npz", x=x, y=y, w=w)
    (tmp_path / "c.yaml").write_text(ROWS)
    found = examples(assemble(tmp_path / "c.yaml").data.train)
    want = np.lib.stride_tricks.sliding_window_view(w[2:], 5)
    np.testing.assert_allclose(found["sample_weight"], want, rtol=1e-6)
    assert found["out"].shape[:2] == want.shape == (8, 5)
    logs = trained(tmp_path / "c.yaml", tmp_path / "run")
    assert evaluate(str(tmp_path / "run"), data=tmp_path / "d.npz", threads=1).metrics["loss"] < logs["loss"]
    last = ["data.window.targets=last", "model.layers.0.return_sequences=false"]
    data = assemble(tmp_path / "c.yaml", overrides=last).data
    np.testing.assert_allclose(examples(data.train)["sample_weight"], w[6:], rtol=1e-6)
    with pytest.raises(
        ConfigError, match=r"makes one loss per example, but the data gives weights of \(5\)"
    ) as told:
        check(tmp_path / "c.yaml", overrides=[*last[1:], "model.layers.out.units=5"])
    assert told.value.problems[0].expected == (
        "one weight per example; or an output of shape (5, 1), which has a loss at each place"
    )


LISTS = """nnctl: 1
data:
  source: {type: npz, path: d.npz}
  inputs: {x: x}
  targets: {out: y}
  sample_weight: w
  columns: {x: {type: sequence, lengths: n}, y: {type: sequence, lengths: n}}
  batch_size: 5
  shuffle: false
model:
  inputs: {x: {shape: [null, 2]}}
  layers: [{type: GRU, units: 3, return_sequences: true}, {type: Dense, units: 3, name: out}]
training:
  optimizer: {type: SGD, learning_rate: 0.1}
  loss: {type: SparseCategoricalCrossentropy, from_logits: true}
"""


def test_arrays_with_lengths(tmp_path: Path) -> None:
    """An array beside the target's has its lengths; a flat one is cut; nothing behind an end is read."""
    made, lengths = drawn(tmp_path, masked=False), np.array([6, 1, 4, 2, 5, 3, 5, 2, 1, 2, 3])
    own = np.arange(STEPS) < lengths[:, None]
    arrays = {**made, "w": np.where(own, made["w"], -7), "n": lengths}
    arrays["v1"] = made["v"][:, None]
    (tmp_path / "c.yaml").write_text(LISTS)
    cases = {
        "beside": [], "told": ["data.columns.w={type: sequence, lengths: n}"],
        "flat": ["data.sample_weight=flat", "data.columns.flat={type: sequence, row_lengths: m}"],
    }  # fmt: skip
    np.savez(tmp_path / "d.npz", **arrays, flat=made["w"][own], m=lengths)
    for name, overrides in cases.items():
        found = examples(assemble(tmp_path / "c.yaml", overrides=overrides).data.train)
        np.testing.assert_array_equal(found["sample_weight"], np.where(own, made["w"], 0))
        trained(tmp_path / "c.yaml", tmp_path / name, *overrides)
        again = evaluate(str(tmp_path / name), data=tmp_path / "d.npz", threads=1).metrics
        assert again["loss"] > 0
    assert len({sha(tmp_path / name) for name in cases}) == 1
    for most in (6, 4):
        np.savez(tmp_path / "d.npz", **arrays | {"n": np.minimum(lengths, most), "m": lengths})
        whole = ["data.columns={w: {type: sequence, lengths: n}}"]
        data = assemble(tmp_path / "c.yaml", overrides=whole).data
        found = examples(data.train)["sample_weight"]
        np.testing.assert_array_equal(found, np.where(own & (np.arange(STEPS) < most), made["w"], 0))
        assert data.preprocessing.target_lengths == ("n",)
    one = assemble(tmp_path / "c.yaml", overrides=["data.sample_weight=v1"]).data.train
    np.testing.assert_array_equal(examples(one)["sample_weight"], made["v"])


CLASSES = "training.class_weight={0: 2.5, 2: 0.25}"
TABLE = np.array([2.5, 1, 0.25], np.float32)


def test_class_weights_of_steps(tmp_path: Path) -> None:
    """To the bit what the same numbers are as sample weights; which they multiply, of steps or examples."""
    made = drawn(tmp_path, masked=True)
    by_class = TABLE[made["y"]]
    np.savez(tmp_path / "d.npz", **{
        **made, "one": np.eye(3, dtype=np.float32)[made["y"]], "flag": (made["y"] > 0)[..., None],
        "c": by_class, "cw": by_class * made["w"], "cv": by_class * made["v"][:, None],
        "f": np.array([2.5, 1], np.float32)[(made["y"] > 0).astype(int)],
    })  # fmt: skip
    (tmp_path / "c.yaml").write_text(ARRAYS)
    none, unseen = "data.sample_weight=null", "training.weighted_metrics=[]"
    onehot = [unseen, "data.targets.out=one", "training.loss=categorical_crossentropy"]
    sigmoid = "{type: Dense, units: 1, activation: sigmoid, name: out}"
    flags = [unseen, "data.targets.out=flag", "training.loss=bce", f"model.layers.out={sigmoid}"]
    pairs = {
        "class": ([none, CLASSES], ["data.sample_weight=c"]),
        "step": ([CLASSES], ["data.sample_weight=cw"]),
        "example": (["data.sample_weight=v", CLASSES], ["data.sample_weight=cv"]),
        "onehot": ([none, CLASSES, *onehot], ["data.sample_weight=c", *onehot]),
        "flags": ([none, "training.class_weight={0: 2.5}", *flags], ["data.sample_weight=f", *flags]),
    }
    for name, (ours, same) in pairs.items():
        trained(tmp_path / "c.yaml", tmp_path / name, *ours)
        trained(tmp_path / "c.yaml", tmp_path / f"{name}-same", *same)
        assert sha(tmp_path / name) == sha(tmp_path / f"{name}-same"), name


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_balanced_classes_of_steps(padding: str, cells: Path) -> None:
    """Of the steps that sequences have; what fills them up, with class 0, does not count."""
    padded = [f"data.columns.{name}.padding={padding}" for name in ("read", "said")]
    assembled = assemble(cells, overrides=["training.class_weight=balanced", *padded])
    data = assembled.data
    (found,) = class_weights(data.train, data, assembled.objective, "balanced").values()
    lines = (cells.parent / "steps.csv").read_text().splitlines()[1:]
    steps = np.array([int(n) for line in lines for n in line.split(",")[1].split()])
    np.testing.assert_allclose(found, len(steps) / (3 * np.bincount(steps)))


HEED = "data.columns.heed"


@pytest.mark.parametrize(
    ("overrides", "messages", "path"),
    [
        ([f"{HEED}.padding=pre", "data.columns.said.padding=post"],
         ["the steps of 'heed' weigh those of 'said', whose `padding` is post"], (HEED, "padding")),
        ([f"{HEED}.maxlen=3"], ["the steps of 'heed' weigh those of 'said', whose `maxlen` is 7"],
         (HEED, "maxlen")),
        ([f"{HEED}.value=1"], ["'heed' holds sample weights, and a step that is filled up weighs 0"],
         (HEED, "value")),
        ([f"{HEED}.scale=2"], ["'heed' holds sample weights, which count as they are"], (HEED, "scale")),
        (["model.layers.1.return_sequences=false", "data.target=one", "data.batching=null"],
         ["output 'out' is (3), of which SparseCategoricalCrossentropy makes one loss per example, but the "
          "data gives weights of (7) per example"], ("data.sample_weight",)),
        (["training.weighted_metrics=[{type: CosineSimilarity, axis: 1}]", "training.loss=mse",
          "data.batching=null", "model.inputs.read.shape=[7, 1]", "data.target=[said]",
          "model.layers.out={type: Dense, units: 1, name: out}"],
         ["'cosine_similarity' looks at several of the places of output 'out' at once, which have a "
          "weight each"],
         ("training.weighted_metrics",)),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    overrides: list[str], messages: list[str], path: tuple[str, ...], cells: Path
) -> None:
    """A place in the config, and a way out."""
    for name in LENGTHS:
        table = (cells.parent / name).read_text().splitlines()
        (cells.parent / name).write_text(
            "\n".join([f"{table[0]},one", *(f"{line},1" for line in table[1:]), ""])
        )
    with pytest.raises(ConfigError) as told:
        check(cells, overrides=overrides)
    assert [problem.message for problem in told.value.problems] == messages
    (problem,) = told.value.problems
    whole = tuple(part for given in path for part in given.split("."))
    assert problem.path[: len(whole)] == whole
    assert problem.place is not None
    assert problem.expected is not None


def test_undeclared_cells_and_arrays_for_sequences(cells: Path, tmp_path: Path) -> None:
    """What to declare is said, for words in cells and for an array that has no lengths."""
    text = SEQUENCES.replace('    heed: {type: sequence, separator: ";"}\n', "")
    cells.write_text(text)
    with pytest.raises(DataError, match="column 'heed': holds words, and no numbers to weigh by") as caught:
        check(cells)
    assert caught.value.hint == "columns: {heed: {type: sequence}} for a weight per step"
    cells.write_text(text.replace("sample_weight: heed", "sample_weight: one"))
    for name in LENGTHS:
        table = (cells.parent / name).read_text().splitlines()
        (cells.parent / name).write_text("\n".join([f"{table[0]},one", *(f"{line},3" for line in table[1:])]))
    assert examples(assemble(cells).data.train)["sample_weight"].tolist() == [3] * len(LENGTHS["steps.csv"])
    made, lengths = drawn(tmp_path, masked=False), np.full(COUNT, STEPS)
    np.savez(tmp_path / "d.npz", x=made["x"], y=made["y"].reshape(-1), w=made["w"], n=lengths)
    config = tmp_path / "l.yaml"
    config.write_text(LISTS.replace("y: {type: sequence, lengths: n}", "y: {type: sequence, row_lengths: n}"))
    with pytest.raises(ConfigError, match="'w' holds an array for each example, but the targets of") as told:
        check(config)
    assert told.value.problems[0].expected == "columns: {w: {type: sequence, lengths: COLUMN}}"


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    """Of other steps in training, in validation, in a file for `eval`; targets of other steps alike."""
    made = drawn(tmp_path, masked=False)
    config = tmp_path / "c.yaml"
    config.write_text(ARRAYS)
    short, bad = {**made, "w": made["w"][:, :5]}, {**made, "z": made["z"][:, :5]}
    np.savez(tmp_path / "short.npz", **short)
    np.savez(tmp_path / "bad.npz", **bad)
    weights = r"output 'out' is \(6, [23]\), but the data gives weights of \(5\) per example"
    target = (
        r"output 'out' is \(6, 2\), so MeanSquaredError wants a target of \(6, 2\), but the data gives \(5, 2"
    )
    with pytest.raises(ConfigError, match=weights) as told:
        check(config, overrides=["data.source.path=short.npz"])
    assert told.value.problems[0].expected == "weights of (6), or one per example"
    splits = ["data.source=null", "data.train={type: npz, path: d.npz}"]
    for file, message in (("short", weights), ("bad", target)):
        with pytest.raises(ConfigError, match=message):
            check(config, overrides=[*NUMBERS, *splits, f"data.validation={{type: npz, path: {file}.npz}}"])
    check(config, overrides=[*NUMBERS, "training.metrics=[{type: CosineSimilarity, axis: 1}]"])
    for length in ("6", "null"):
        run = tmp_path / f"run-{length}"
        trained(config, run, *NUMBERS, f"model.inputs.x.shape=[{length}, 2]")
        for file, message in (("short", weights), ("bad", target)):
            with pytest.raises(DataError, match=message):
                evaluate(str(run), data=tmp_path / f"{file}.npz", threads=1)
    np.savez(tmp_path / "all.npz", **{n: a[:, :4] if a.ndim > 1 else a for n, a in made.items()})
    assert evaluate(str(tmp_path / "run-null"), data=tmp_path / "all.npz", threads=1).examples == COUNT
