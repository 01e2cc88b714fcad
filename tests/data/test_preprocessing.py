"""Preparation: fitted on training rows alone, exact, the same from memory, file and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError, RunError
from nnctl.data.feeding.table_feeds import TableFeeds, restore
from nnctl.data.preprocessing import NumberPrep, Preprocessing
from nnctl.data.sources.text import CSV
from tests.data.examples import examples
from tests.data.given import PEOPLE, opened, write
from tests.data.whole import read_inputs

SPLIT = "x,c,y,part\n1,a,0,train\n2,b,1,train\n6,a,2,train\n100,c,9,test\n"


def people(directory: Path, **more: Any) -> Any:
    write(directory, "p.csv", PEOPLE)
    config = {
        "source": "p.csv",
        "inputs": ["age", "hours", "job"],
        "target": "income",
        "columns": {
            "age": {"scale": "standard", "missing": "mean"},
            "hours": {"scale": "minmax", "missing": "median"},
        },
        "sample_weight": "weight",
    }
    return opened(directory, config | more, categorical={"income": True})


def test_standard_minmax_onehot_by_hand(tmp_path: Path) -> None:
    arrays = examples(people(tmp_path).train)
    age = np.array([31, np.nan, 45, 52, 23, 38, 61, 29])
    age[1] = np.nanmean(age)
    hours = np.array([40, 38.5, np.nan, 20, 60, 41, 12, 44])
    hours[2] = np.nanmedian(hours)
    job = np.array([0, 2, 0, 1, 2, 0, 1, 2])
    expected = np.column_stack([(age - age.mean()) / age.std(), (hours - 12) / 48, np.eye(3)[job]])
    np.testing.assert_allclose(arrays["input"], expected, rtol=1e-6, atol=1e-7)
    assert arrays["input"].dtype == np.float32
    assert arrays["income"].tolist() == [1, 0, 1, 0, 1, 0, 1, 1]
    assert arrays["income"].dtype == np.int32
    assert arrays["sample_weight"].tolist() == [1, 2, 1, 0.5, 1, 3, 1, 1]


def test_only_training_rows_count(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", SPLIT)
    config = {
        "source": "a.csv",
        "inputs": "x",
        "target": "y",
        "split": {"by": "part"},
        "columns": {"x": {"scale": "standard"}},
    }
    prep = opened(tmp_path, config).preprocessing.inputs["input"].columns["x"]
    assert isinstance(prep, NumberPrep)
    assert prep.shift == (3.0,)
    assert prep.divide == (np.sqrt(14 / 3),)


def test_a_word_unseen_in_training(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", SPLIT)
    config: dict[str, Any] = {"source": "a.csv", "inputs": "c", "target": "y", "split": {"by": "part"}}
    with pytest.raises(DataError, match=r"a.csv:5, column 'c': 'c' does not occur in the training split"):
        opened(tmp_path, config)
    other = opened(tmp_path, config | {"columns": {"c": {"unknown": "other"}}})
    assert other.test is not None
    assert examples(other.test)["input"].tolist() == [[0, 0, 1]]
    assert examples(other.train)["input"].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("missing", "expected"), [("most_frequent", [1, 0, 0]), ("b", [0, 1, 0]), ("other", [0, 0, 1])]
)
def test_missing_words(tmp_path: Path, missing: str, expected: list[int]) -> None:
    write(tmp_path, "a.csv", "c,d,y\na,1,1\n,1,2\nb,1,3\na,1,4\n")
    config = {
        "source": "a.csv",
        "inputs": "c",
        "target": "y",
        "columns": {"c": {"missing": missing, "unknown": "other"}},
    }
    assert examples(opened(tmp_path, config).train)["input"][1].tolist() == expected


@pytest.mark.parametrize(("missing", "expected"), [("mean", 4), ("median", 3), ("zero", 0), (-1.5, -1.5)])
def test_missing_numbers(tmp_path: Path, missing: str | float, expected: float) -> None:
    write(tmp_path, "a.csv", "x,y\n1,1\nNA,2\n3,3\n8,4\n")
    config = {"source": "a.csv", "target": "y", "columns": {"x": {"missing": missing}}}
    assert examples(opened(tmp_path, config).train)["input"][1] == expected


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("1,1\nNA,2\n", "a.csv:3, column 'x': the value is missing"),
        ("1,1\n2,2\ninf,3\n", "a.csv:4, column 'x': the value is infinite"),
        ("1,1\n2,NA\n", "a.csv:3, column 'y': the value is missing"),
    ],
)
def test_what_nothing_prepares_for(tmp_path: Path, cells: str, message: str) -> None:
    write(tmp_path, "a.csv", "x,y\n" + cells)
    with pytest.raises(DataError) as caught:
        opened(tmp_path, {"source": "a.csv", "target": "y"})
    assert message in str(caught.value)


def test_json_keeps_every_bit(tmp_path: Path) -> None:
    data = people(tmp_path)
    text = json.dumps(data.preprocessing.config())
    again = Preprocessing.from_data(json.loads(text))
    assert again == data.preprocessing
    assert json.dumps(again.config()) == text
    assert json.loads(text)["inputs"]["input"]["columns"]["age"]["shift"] == [279 / 7]


@pytest.mark.parametrize("data", [{}, [1], None, {"version": 2}])
def test_damaged_json(data: Any) -> None:
    with pytest.raises(RunError, match=r"stored preprocessing"):
        Preprocessing.from_data(data)


@pytest.mark.parametrize("kind", ["ids", "number"])
def test_a_target_of_one_number_is_not_spread(kind: str) -> None:
    """A model file that lost a word's encoding is refused; what it says is not read as vectors."""
    column = {"kind": "category", "words": ["a", "b", "c"], "encoding": "index"}
    stored: dict[str, Any] = {
        "inputs": {},
        "targets": {"y": {"columns": {"y": column}, "kind": kind, "shape": []}},
    }
    assert Preprocessing.from_data(stored).targets["y"].kind == kind
    del column["encoding"]
    says = r"stored preprocessing is not as it should be: targets\.y: 0/1 vectors are no class numbers"
    with pytest.raises(RunError, match=says):
        Preprocessing.from_data(stored)


def test_stored_weights_are_of_outputs_that_have_a_target() -> None:
    """Each weight's column is read as numbers."""
    target = {"columns": {"y": {"kind": "number"}}, "kind": "number", "shape": []}
    stored: dict[str, Any] = {"inputs": {}, "targets": {"o": target}, "sample_weight": {"o": "w"}}
    found = Preprocessing.from_data(stored)
    assert (found.kind_of("w"), found.kind_of("o")) == ("number", None)
    stored["sample_weight"] = {"o": "w", "p": "v"}
    with pytest.raises(RunError, match="sample weights of an output without a target"):
        Preprocessing.from_data(stored)


def test_stored_preprocessing_is_used_not_fitted(tmp_path: Path) -> None:
    stored = people(tmp_path).preprocessing
    first = examples(people(tmp_path).train)
    write(tmp_path, "q.csv", "\n".join(PEOPLE.splitlines()[:4]) + "\n")
    config = {"source": "q.csv", "inputs": ["age", "hours", "job"], "target": "income"}
    again = examples(opened(tmp_path, config, preprocessing=stored).train)
    np.testing.assert_array_equal(again["input"], first["input"][:3])
    assert again["income"].tolist() == [1, 0, 1]


def test_a_table_is_prepared_as_training_prepared_it(tmp_path: Path) -> None:
    data = people(tmp_path)
    feeds = TableFeeds(CSV(path="p.csv").read(tmp_path), data.preprocessing)
    arrays = examples(feeds.dataset("p.csv", feeds.rows))
    np.testing.assert_array_equal(arrays["input"], examples(data.train)["input"])


def test_index_encoding_feeds_an_embedding(tmp_path: Path) -> None:
    columns = {"job": {"encoding": "index"}}
    data = people(tmp_path, inputs={"who": ["job"]}, columns=columns)
    arrays = examples(data.train)
    assert arrays["who"].dtype == np.int32
    assert arrays["who"].tolist() == [[0], [2], [0], [1], [2], [0], [1], [2]]


def test_an_embedding_input_takes_words_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", PEOPLE)
    data = opened(
        tmp_path,
        {"source": "p.csv", "inputs": {"a": ["job", "income"], "b": "hours"}, "target": "weight"}
        | {"columns": {"hours": {"missing": 0}}},
        input_shapes={"a": None, "b": None},
        integer_inputs={"a"},
    )
    assert data.inputs["a"].shape == (2,)
    assert data.inputs["a"].dtype == "int32"
    assert examples(data.train)["a"].tolist()[1] == [2, 0]


def test_patterns_and_shapes(tmp_path: Path) -> None:
    names = [f"p{i}" for i in range(6)]
    rows = "".join(",".join(str(10 * r + i) for i in range(6)) + f",{r}\n" for r in range(4))
    write(tmp_path, "a.csv", ",".join([*names, "y"]) + "\n" + rows)
    data = opened(
        tmp_path,
        {"source": "a.csv", "inputs": {"image": "p*"}, "target": "y", "columns": {"*": {"scale": 5}}},
        input_shapes={"image": (2, 3, 1)},
    )
    arrays = examples(data.train)
    expected = (np.arange(6) + 10 * np.arange(4)[:, None]).reshape(4, 2, 3, 1) / 5
    np.testing.assert_array_equal(arrays["image"], expected.astype(np.float32))
    assert arrays["y"].tolist() == [0, 1, 2, 3]  # a pattern does not reach the target


def test_a_shape_that_does_not_fit(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a,b,c,y\n1,2,3,4\n")
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, {"source": "a.csv", "target": "y"}, input_shapes={"image": (2, 2)})
    (problem,) = caught.value.problems
    assert problem.path == ("model", "inputs", "image")
    assert "(2, 2)" in problem.message
    assert "3 numbers" in problem.message


def test_float64_is_not_rounded(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n0.1,0.2\n")
    arrays = examples(opened(tmp_path, {"source": "a.csv", "target": "y"}, dtype="float64").train)
    assert arrays["input"].tolist() == [[0.1]]
    assert arrays["y"].tolist() == [0.2]


@pytest.mark.parametrize("categorical", [True, False, None])
def test_targets_of_words(tmp_path: Path, categorical: bool | None) -> None:
    write(tmp_path, "a.csv", "x,y\n1,no\n2,yes\n3,no\n")
    hints = {} if categorical is None else {"y": categorical}
    data = opened(tmp_path, {"source": "a.csv", "target": "y"}, categorical=hints)
    assert data.class_names == {"y": ("no", "yes")}
    assert examples(data.train)["y"].tolist() == [0, 1, 0]
    assert data.targets["y"].dtype == ("float32" if categorical is False else "int32")


def test_many_classes_need_onehot_for_a_loss_on_numbers(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,a\n2,b\n3,c\n")
    config = {"source": "a.csv", "target": "y"}
    with pytest.raises(ConfigError, match=r"wants numbers, but 'y' holds 3 classes"):
        opened(tmp_path, config, categorical={"y": False})
    config["columns"] = {"y": {"type": "category", "encoding": "onehot"}}  # type: ignore[assignment]
    data = opened(tmp_path, config, categorical={"y": False})
    assert examples(data.train)["y"].tolist() == np.eye(3).tolist()


def test_classes_that_are_numbers_sort_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,10\n2,9\n3,100\n")
    config = {"source": "a.csv", "target": "y", "columns": {"y": "category"}}
    assert opened(tmp_path, config).class_names == {"y": ("9", "10", "100")}


def test_labels_must_be_whole(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,0\n2,1.5\n")
    with pytest.raises(DataError, match=r"a.csv:3, column 'y': 1.5 is not a class number"):
        opened(tmp_path, {"source": "a.csv", "target": "y"}, categorical={"y": True})


def test_targets_may_be_several(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,u,v,w\n1,2,3,a\n4,5,6,b\n")
    config = {"source": "a.csv", "inputs": "x", "targets": {"point": ["u", "v"], "kind": "w"}}
    data = opened(tmp_path, config, outputs=["kind", "point"], categorical={"kind": True, "point": False})
    arrays = examples(data.train)
    assert arrays["point"].tolist() == [[2, 3], [5, 6]]
    assert arrays["kind"].tolist() == [0, 1]


def test_a_stray_word_matters_only_where_it_is_used(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,note,y\n1,1,1\n2,2,2\n3,oops,3\n")
    opened(tmp_path, {"source": "a.csv", "inputs": "x", "target": "y"})
    with pytest.raises(DataError, match=r"a.csv:4, column 'note': 'oops' is not a number"):
        opened(tmp_path, {"source": "a.csv", "target": "y"})


def test_negative_weights(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y,w\n1,1,1\n2,2,-2\n")
    with pytest.raises(DataError, match=r"a.csv:3, column 'w': a sample weight is negative"):
        opened(tmp_path, {"source": "a.csv", "target": "y", "sample_weight": "w"})


def test_names_that_are_not_there(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", PEOPLE)
    config = {
        "source": "p.csv",
        "inputs": {"person": ["age", "huors"], "pic": "job"},
        "targets": {"incme": "income"},
        "columns": {"agee": {"scale": 2}},
        "sample_weight": "wieght",
    }
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, config, input_shapes={"person": None, "photo": None}, outputs=["income"])
    found = {p.path: (p.suggestion, p.at_key) for p in caught.value.problems}
    assert found == {
        ("data", "targets", "incme"): ("income", True),
        ("data", "sample_weight"): ("weight", False),
        ("data", "columns", "agee"): ("age", True),
        ("data", "inputs", "pic"): (None, True),
        ("data", "inputs"): (None, False),
        ("data", "inputs", "person", 1): ("hours", False),
    }


def test_a_short_batch_leaves_the_rest_of_the_buffers(tmp_path: Path) -> None:
    data = people(tmp_path)
    out = {"input": np.full((5, 5), 7, np.float32), "income": np.full(5, 7, np.int32)}
    train = data.train
    train.read(train.inputs["input"], np.array([3, 0]), out["input"])
    train.read(train.targets["income"], np.array([3, 0]), out["income"])
    assert out["income"].tolist() == [0, 1, 7, 7, 7]
    assert (out["input"][2:] == 7).all()
    with pytest.raises(IndexError):
        train.read(train.inputs["input"], np.array([8]), out["input"])


def test_a_scaled_target_is_restored(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,u,v\n1,2,30\n4,5,60\n6,11,0\n")
    config = {"source": "a.csv", "inputs": "x", "target": ["u", "v"]}
    config["columns"] = {"u": {"scale": "standard"}, "v": {"scale": 30}}  # type: ignore[assignment]
    data = opened(tmp_path, config, outputs=["o"])
    scaled = examples(data.train)["o"]
    assert scaled[:, 1].tolist() == [1, 2, 0]
    np.testing.assert_allclose(
        restore(data.preprocessing.targets["o"], scaled), [[2, 30], [5, 60], [11, 0]], rtol=1e-6, atol=1e-6
    )


def test_several_inputs_need_names(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,u,v\n1,2,30\n")
    with pytest.raises(ConfigError, match=r"the model has 2 inputs; say which"):
        opened(
            tmp_path, {"source": "a.csv", "inputs": ["x"], "target": "v"}, input_shapes={"a": None, "b": None}
        )


def test_the_only_input_of_an_embedding_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,v\n7,2\n3,4\n")
    data = opened(
        tmp_path, {"source": "a.csv", "inputs": {"text": "x"}, "target": "v"}, integer_inputs={"input"}
    )
    assert data.inputs["text"].dtype == "int32"


@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("value", [0.1, 3.3, 98.6, -0.7, 1e-12, 1e15 + 0.3, 0.0])
@pytest.mark.parametrize("n", [3, 6, 12, 24, 48])
def test_a_constant_column_becomes_zero(scale: str, value: float, n: int, tmp_path: Path) -> None:
    """The mean of equal numbers is a rounding error away from them; that error is nothing to divide by."""
    write(tmp_path, "c.csv", "x,y\n" + f"{value!r},1\n" * n)
    data = opened(
        tmp_path, {"source": "c.csv", "target": "y", "columns": {"x": {"scale": scale}}}, dtype="float64"
    )
    prep = data.preprocessing.inputs["input"].columns["x"]
    assert prep.divide == (1.0,)  # type: ignore[union-attr]
    assert (examples(data.train)["input"] == 0).all()
    write(tmp_path, "new.csv", f"x,y\n{value + 1!r},1\n")
    assert examples(read_inputs(tmp_path / "new.csv", data.preprocessing))["input"] == pytest.approx(1)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_constant_lane_of_an_array(scale: str, tmp_path: Path) -> None:
    """Each lane is guarded for itself, beside one that varies, is larger, or was filled."""
    x = np.full((24, 3), [0.1, 1e9, 98.6])
    x[:, 1] += np.arange(24)
    x[5, 2] = np.nan
    np.savez(tmp_path / "c.npz", x=x, y=np.ones(24))
    columns = {"x": {"scale": scale, "missing": "mean"}}
    data = opened(tmp_path, {"source": "c.npz", "target": "y", "columns": columns}, dtype="float64")
    prep = data.preprocessing.inputs["input"].columns["x"]
    assert isinstance(prep, NumberPrep)
    assert (prep.divide[0], prep.divide[2]) == (1, 1)
    assert prep.divide[1] == pytest.approx(np.arange(24).std() if scale == "standard" else 23)
    y = examples(data.train)["input"]
    assert (y[:, 0] == 0).all()
    assert np.abs(y[:, 2]).max() < 1e-13


def test_small_spreads_are_no_rounding_errors(tmp_path: Path) -> None:
    write(tmp_path, "c.csv", "x,y\n" + "".join(f"{1e6 + i / 1000!r},1\n" for i in range(9)))
    data = opened(
        tmp_path, {"source": "c.csv", "target": "y", "columns": {"x": {"scale": "standard"}}}, dtype="float64"
    )
    assert examples(data.train)["input"].std() == pytest.approx(1)
