"""Runs as ONNX: files take the data's own columns and give what `nnctl predict` gives."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml

from nnctl.core.arrays import Array
from nnctl.workflow.export import export
from nnctl.workflow.predict import predictions
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import start
from tests.formats.onnx.running import agree, outputs

JOBS = ("smith", "baker", "größte", "none of these")


def table(path: Path, rows: int = 24) -> list[dict[str, Any]]:
    """People: ages far from 0, some missing; jobs, some missing; what they earn, whether they sing."""
    rng = np.random.default_rng(5)
    made = [
        {
            "age": "" if i % 7 == 3 else f"{1e6 + 10 * rng.standard_normal():.3f}",
            "height": f"{rng.uniform(1, 2):.3f}",
            "job": "" if i % 5 == 4 else JOBS[i % 3],
            "town": ("north", "south")[i % 2],
            "rank": str(i % 4),
            "income": f"{5000 + 700 * rng.standard_normal():.2f}",
            "bonus": f"{10 + rng.standard_normal():.2f}",
            "sings": ("no", "yes")[i * i % 3 % 2],
            "class": ("a", "b", "c")[i % 3],
        }
        for i in range(rows)
    ]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    return made


COLUMNS: dict[str, Any] = {
    "age": {"type": "number", "scale": "standard", "missing": "mean"},
    "height": {"type": "number", "scale": "minmax"},
    "job": {"type": "category", "missing": "other", "unknown": "other"},
    "town": {"type": "category", "encoding": "index"},
    "income": {"type": "number", "scale": "standard"},
    "bonus": {"type": "number", "scale": 4},
}


def config(data: dict[str, Any], layers: list[Any], loss: Any, **model: Any) -> dict[str, Any]:
    columns = {name: fields for name, fields in COLUMNS.items() if f"'{name}'" in repr(data)}
    whole = {"source": {"type": "csv", "path": "people.csv"}, "columns": columns, "batch_size": 8, **data}
    return {
        "nnctl": 1,
        "seed": 3,
        "data": whole,
        "model": {**model, "layers": layers},
        "training": {"epochs": 1, "loss": loss},
    }


def dense(units: int, **fields: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": units, **fields}


def exported(what: dict[str, Any], folder: Path) -> tuple[Any, str, dict[str, Array]]:
    """A run's file, its hint, and nnctl's own predictions of the table."""
    (folder / "config.yaml").write_text(yaml.safe_dump(what, sort_keys=False))
    for _ in start(folder / "config.yaml", run_dir=folder / "run").events():
        pass
    hint = export(str(folder / "run"), "onnx", folder / "m.onnx")["hint"]
    blocks = list(predictions(open_stored(str(folder / "run")), folder / "people.csv"))
    ours = {name: np.concatenate([b.outputs[name] for b in blocks]) for name in blocks[0].outputs}
    return onnx.load(folder / "m.onnx"), hint, ours


def columns_of(file: Any, rows: list[dict[str, Any]]) -> dict[str, Array]:
    """A file's inputs from a table, as its metadata says."""
    held = json.loads({p.key: p.value for p in file.metadata_props}["columns"])
    found: dict[str, Array] = {}
    for value in file.graph.input:
        texts = value.type.tensor_type.elem_type == onnx.TensorProto.STRING
        whole = value.type.tensor_type.elem_type == onnx.TensorProto.INT32
        cells = [[row[name] for name in held[value.name]] for row in rows]
        numbers = [[float(cell or "nan") for cell in row] for row in cells] if not texts else cells
        array = np.array(numbers, object if texts else np.int32 if whole else np.float64)
        found[value.name] = array if len(value.type.tensor_type.shape.dim) > 1 else array[:, 0]
    return found


def test_columns_of_every_kind_and_two_outputs(tmp_path: Path) -> None:
    rows = table(tmp_path / "people.csv")
    what = config(
        {
            "inputs": {"person": ["age", "job", "height"], "town": "town", "body": ["height", "age"]},
            "targets": {"income": ["income", "bonus"], "class": "class"},
        },
        [
            {"type": "Embedding", "input_dim": 2, "output_dim": 2, "inputs": "town", "name": "e"},
            {"type": "Flatten", "name": "town_vector"},
            {"type": "Concatenate", "inputs": ["person", "town_vector", "body"], "name": "all"},
            dense(2, name="income"),
            dense(3, inputs="all", name="class", activation="softmax"),
        ],
        {"income": "mse", "class": "sparse_categorical_crossentropy"},
        inputs={"person": [6], "town": [1], "body": [2]},
        outputs=["income", "class"],
    )
    file, hint, ours = exported(what, tmp_path)
    inputs = columns_of(file, rows)
    assert {name: (a.dtype.kind, a.shape) for name, a in inputs.items()} == {
        "age": ("f", (24,)), "job": ("O", (24,)), "height": ("f", (24,)),
        "town": ("O", (24,)), "body": ("f", (24, 2)),
    }  # fmt: skip
    agree(ours, outputs(file.SerializeToString(), inputs))
    assert float(ours["income"][:, 0].mean()) > 1000
    props = {p.key: p.value for p in file.metadata_props}
    assert json.loads(props["class_names"]) == {"class": ["a", "b", "c"]}
    assert props["weights_sha256"] == open_stored(str(tmp_path / "run")).file.weights_sha256
    assert hint == (
        "it takes 'age' (float64), 'job' (texts), 'height' (float64), 'town' (texts), "
        "'body' (float64 of height, age)"
    )


def test_words_that_are_an_error_end_the_run(tmp_path: Path) -> None:
    """Where training had an own class for them, they go there."""
    table(tmp_path / "people.csv")
    what = config({"inputs": {"x": ["job", "town"]}, "target": "bonus"}, [dense(1)], "mse")
    what["data"]["columns"]["town"] = {"type": "category"}
    file, _, _ = exported(what, tmp_path)
    data = file.SerializeToString()
    given = {"job": np.array(["a smith", "baker"], object), "town": np.array(["north", "south"], object)}
    assert len(outputs(data, given)) == 1
    for town in ("west", ""):
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument):
            outputs(data, given | {"town": np.array([town, "south"], object)})


@pytest.mark.parametrize("logits", [False, True])
def test_two_classes_by_one_number(logits: bool, tmp_path: Path) -> None:
    """Under the name of a column that is an input: the output has another then."""
    rows = table(tmp_path / "people.csv")
    loss = {"type": "BinaryCrossentropy", "from_logits": logits}
    last = dense(1, name="town", **({} if logits else {"activation": "sigmoid"}))
    what = config({"inputs": {"x": ["height", "town"]}, "targets": {"town": "sings"}}, [last], loss)
    what["data"]["columns"]["town"] = {"type": "category"}
    file, _, ours = exported(what, tmp_path)
    assert ours["town"].shape == (24, 2)
    assert [output.name for output in file.graph.output] == ["town_output"]
    agree(ours, outputs(file.SerializeToString(), columns_of(file, rows)))


def test_logits_become_probabilities(tmp_path: Path) -> None:
    rows = table(tmp_path / "people.csv")
    loss = {"type": "SparseCategoricalCrossentropy", "from_logits": True}
    what = config(
        {"inputs": {"x": ["age", "height"]}, "target": "class"}, [dense(3, kernel_initializer="ones")], loss
    )
    file, _, ours = exported(what, tmp_path)
    agree(ours, outputs(file.SerializeToString(), columns_of(file, rows)))
    np.testing.assert_allclose(next(iter(ours.values())).sum(axis=1), 1, rtol=1e-6)


def test_windows(tmp_path: Path) -> None:
    rows = table(tmp_path / "people.csv")
    data = {"inputs": {"x": ["age", "height"]}, "target": "bonus", "window": {"length": 3, "stride": 2}}
    file, _, ours = exported(
        config(data, [dense(3, activation="tanh"), "Flatten", dense(1)], "mse"), tmp_path
    )
    x = columns_of(file, rows)["x"]
    count = len(next(iter(ours.values())))
    agree(
        ours, outputs(file.SerializeToString(), {"x": np.stack([x[2 * i : 2 * i + 3] for i in range(count)])})
    )


def test_whole_numbers_and_texts(tmp_path: Path) -> None:
    """What ONNX has no operators for comes prepared, and the hint says so."""
    rows = table(tmp_path / "people.csv")
    layers = [
        {"type": "Embedding", "input_dim": 4, "output_dim": 2, "inputs": "rank", "name": "e"},
        {"type": "Flatten", "name": "r"},
        {"type": "Concatenate", "inputs": ["r", "words"]},
        dense(1),
    ]
    data = {"inputs": {"rank": "rank", "words": "job"}, "target": "bonus"}
    what = config(data, layers, "mse", inputs={"rank": {"shape": [1], "dtype": "int32"}, "words": [4]})
    text = {
        "type": "text",
        "output_mode": "multi_hot",
        "missing": "nobody",
        "vocabulary": ["smith", "baker", "of"],
    }
    what["data"]["columns"]["job"] = text
    file, hint, ours = exported(what, tmp_path)
    jobs = [row["job"] or "nobody" for row in rows]
    words = [
        [not {"smith", "baker", "of"} & set(job.split()), *(w in job.split() for w in text["vocabulary"])]
        for job in jobs
    ]
    ranks = np.array([[int(row["rank"])] for row in rows], np.int32)
    agree(ours, outputs(file.SerializeToString(), {"rank": ranks, "words": np.array(words, np.float32)}))
    assert hint == (
        "it takes 'rank' (int32), 'words'; "
        "'words' takes what training prepared (ONNX has no operators for texts)"
    )


def test_arrays(tmp_path: Path) -> None:
    """Pixels are divided; arrays with a mean of their own go through doubles."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (12, 4, 3)).astype(np.uint8)
    far = (1e6 + rng.standard_normal((12, 2))).astype(np.float32)
    np.savez(tmp_path / "people.npz", image=images, far=far, y=rng.standard_normal((12, 1)))
    (tmp_path / "people.csv").write_text("")
    what = config(
        {
            "source": {"type": "npz", "path": "people.npz"},
            "inputs": {"image": "image", "far": "far"},
            "target": "y",
        },
        [
            {"type": "Conv2D", "filters": 2, "kernel_size": 2, "inputs": "image"},
            {"type": "Flatten", "name": "f"},
            {"type": "Concatenate", "inputs": ["f", "far"]},
            dense(1),
        ],
        "mse",
        inputs={"image": [4, 3, 1], "far": [2]},
    )
    what["data"]["columns"] = {"image": {"scale": 255}, "far": {"scale": "standard"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(what))
    for _ in start(tmp_path / "config.yaml", run_dir=tmp_path / "run").events():
        pass
    export(str(tmp_path / "run"), "onnx", tmp_path / "m.onnx")
    (block,) = predictions(open_stored(str(tmp_path / "run")), tmp_path / "people.npz")
    given = {"image": images.astype(np.float32), "far": far}
    agree(block.outputs, outputs((tmp_path / "m.onnx").read_bytes(), given))
