"""The `data` section: what each field takes, which fields go together, what is said of those that do not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from nnctl.data.column_spec import ColumnSpec
from nnctl.data.spec import DataSpec, SplitSpec, WindowSpec


def refusal(cls: Any, config: Any) -> str:
    """The first thing that is said against a config."""
    with pytest.raises(ValidationError) as caught:
        cls.model_validate(config)
    return str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize("value", [None, "standard", "minmax", 255, 0.5, 1e-300])
def test_scales(value: Any) -> None:
    assert ColumnSpec.model_validate({"scale": value}).scale == value


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, True, "other", [1]])
def test_what_is_no_scale(value: Any) -> None:
    said = refusal(ColumnSpec, {"scale": value})
    assert said == "expected standard, minmax or a number above 0 to divide by"


def test_numbers_of_scales_and_fillings_are_floats() -> None:
    found = ColumnSpec.model_validate({"scale": 255, "missing": 3})
    assert (type(found.scale), type(found.missing)) == (float, float)


@pytest.mark.parametrize("value", [None, "error", "a word", 0, -3, 2.5])
def test_what_stands_in_for_missing_values(value: Any) -> None:
    assert ColumnSpec.model_validate({"missing": value}).missing == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, True, ["a"]])
def test_what_cannot_stand_in(value: Any) -> None:
    said = refusal(ColumnSpec, {"missing": value})
    assert said == "expected error, mean, median, zero, most_frequent or a value"


@pytest.mark.parametrize("value", [0, 1, 7, 0.0, 0.999])
def test_portions(value: Any) -> None:
    for name in ("validation", "test"):
        found = getattr(SplitSpec.model_validate({name: value}), name)
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize("value", [-1, -0.1, 1.0, 1.5, True, False, "0.5", None])
def test_what_is_no_portion(value: Any) -> None:
    said = refusal(SplitSpec, {"test": value})
    assert said == "expected a fraction between 0 and 1, or a number of rows"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, None),
        ({"type": "time"}, "time"),
        ({"parts": ["hour"]}, "time"),
        ({"format": "%Y"}, "time"),
        ({"encoding": "index"}, "category"),
        ({"unknown": "error"}, "category"),
        ({"scale": "standard"}, "number"),
        ({"missing": 3}, "number"),
        ({"missing": "mean"}, "number"),
        ({"missing": "median"}, "number"),
        ({"missing": "zero"}, "number"),
        ({"missing": "error"}, None),
        ({"missing": "other"}, None),
        ({"type": "category", "missing": "mean"}, "category"),
        ({"type": "number", "missing": "error"}, "number"),
    ],
)
def test_what_a_column_is(fields: dict[str, Any], kind: str | None) -> None:
    assert ColumnSpec.model_validate(fields).kind == kind


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "number", "encoding": "index"}, "'encoding' is for categories, but the type is number"),
        ({"type": "number", "unknown": "other"}, "'unknown' is for categories, but the type is number"),
        ({"type": "category", "scale": 2}, "'scale' is for numbers, but this column is a category"),
        ({"encoding": "index", "scale": 2}, "'scale' is for numbers, but this column is a category"),
        ({"type": "category", "parts": ["hour"]}, "'parts' is for times"),
        ({"type": "number", "format": "%Y"}, "'format' is for times"),
        ({"unknown": "other", "parts": ["hour"]}, "'parts' is for times"),
        ({"type": "time", "encoding": "index"}, "'encoding' is for categories, but the type is time"),
        ({"type": "time", "unknown": "other"}, "'unknown' is for categories, but the type is time"),
        (
            {"type": "number", "missing": "other"},
            "'missing' of numbers is error, mean, median, zero or a number",
        ),
        ({"scale": 2, "missing": "x"}, "'missing' of numbers is error, mean, median, zero or a number"),
        ({"type": "time", "missing": "x"}, "'missing' of numbers is error, mean, median, zero or a number"),
        ({"format": "%q"}, "not a format of times: '%q' is none of "),
    ],
)
def test_columns_that_contradict_themselves(fields: dict[str, Any], message: str) -> None:
    assert refusal(ColumnSpec, fields).startswith(message)


def test_a_word_says_the_type() -> None:
    assert ColumnSpec.model_validate("number") == ColumnSpec(type="number")
    assert ColumnSpec.model_validate({"format": "%d", "type": "time"}).format == "%d"
    refusal(ColumnSpec, {"parts": []})
    assert ColumnSpec(format="%Y" + "-" * 198).kind == "time"
    refusal(ColumnSpec, {"format": "%Y" + "-" * 199})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stratify": "a", "by": "b"}, "'stratify' and 'by' exclude each other"),
        ({"by": "a", "group": "b"}, "'by' and 'group' exclude each other"),
        ({"stratify": "a", "group": "b"}, "'stratify' and 'group' exclude each other"),
        ({"by": "a", "test": 0.1}, "'by' says every row's split; leave out the fractions"),
        ({"by": "a", "validation": 3}, "'by' says every row's split; leave out the fractions"),
        ({"order": "rows", "group": "g"}, "'order: rows' and 'group' exclude each other"),
        ({"validation": 0.5, "test": 0.5}, "validation and test leave nothing to train on"),
    ],
)
def test_splits_that_contradict_themselves(fields: dict[str, Any], message: str) -> None:
    assert refusal(SplitSpec, fields) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"order": "random", "group": "g"},
        {"order": "rows", "test": 0.5},
        {"validation": 0.5, "test": 0.49},
        {"validation": 900, "test": 0.99},
        {"by": "a"},
    ],
)
def test_splits_that_can_be(fields: dict[str, Any]) -> None:
    assert SplitSpec.model_validate(fields).model_dump(exclude_defaults=True) == fields


def test_a_window_has_a_row_and_the_next_is_its_target() -> None:
    found = WindowSpec(length=1)
    assert (found.stride, found.horizon, found.group) == (1, 1, None)
    assert WindowSpec(length=1, horizon=0).horizon == 0
    for fields in ({"length": 0}, {"length": 1, "stride": 0}, {"length": 1, "horizon": -1}):
        refusal(WindowSpec, fields)


def npz(target: str | None = None) -> dict[str, Any]:
    return {"type": "npz", "path": "a.npz", "target": target}


TWICE = "'{}' and '{}' say the same thing twice"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "needs either 'source', or 'train' (with 'validation' and 'test')"),
        (
            {"source": "a.npz", "train": "a.npz"},
            "needs either 'source', or 'train' (with 'validation' and 'test')",
        ),
        *(
            (
                {"source": "a.npz", part: "a.npz"},
                "'source' is split by 'split'; with a source for each split, call the first one 'train'",
            )
            for part in ("validation", "test")
        ),
        ({"source": npz("y"), "target": "y"}, TWICE.format("target", "source.target")),
        ({"source": "a.npz", "target": "y", "targets": {"o": "y"}}, TWICE.format("target", "targets")),
        ({"source": npz("y"), "targets": {"o": "y"}}, TWICE.format("targets", "source.target")),
        ({"train": npz("y"), "test": npz("z")}, "'test' has another target than 'train'"),
        ({"train": npz(), "validation": npz("z")}, "'validation' has another target than 'train'"),
        *(
            (
                {"train": "a.npz", part: "b.npz", "split": {part: 0.5}},
                f"'{part}' has a source, but 'split' makes another",
            )
            for part in ("validation", "test")
        ),
        *(
            (
                {"train": "a.npz", part: "b.npz", "split": {"by": "s"}},
                "'split.by' and a source for each split exclude each other",
            )
            for part in ("validation", "test")
        ),
        *(
            (
                {"source": "a.npz", "window": {"length": 2}, "split": split},
                "windows are split by time (or by: or group:), not at random",
            )
            for split in ({"stratify": "y"}, {"order": "random"})
        ),
        ({"source": "a.npz", "inputs": []}, "expected a column's name or a list of names"),
        ({"source": "a.npz", "inputs": {"x": 3}}, "expected a column's name or a list of names"),
        ({"source": "a.npz", "target": ["y", 3]}, "expected a column's name or a list of names"),
        (
            {"source": "a.npz", "columns": {"!id": {"type": "number"}}},
            "'!id' keeps patterns away from columns; it takes no fields",
        ),
    ],
)
def test_sections_that_contradict_themselves(config: dict[str, Any], message: str) -> None:
    assert refusal(DataSpec, config) == message


@pytest.mark.parametrize(
    "config",
    [
        {"train": npz("y"), "validation": npz("y"), "test": npz()},
        {"train": "a.npz", "validation": "b.npz", "split": {"test": 0.5}},
        {"train": "a.npz", "split": {"by": "s"}},
        {"source": "a.npz", "window": {"length": 2}, "split": {"order": "rows"}},
        {"source": "a.npz", "window": {"length": 2}, "split": {"by": "s"}},
        {"source": "a.npz", "split": {"stratify": "y"}},
        {"source": "a.npz", "target": "y"},
    ],
)
def test_sections_that_can_be(config: dict[str, Any]) -> None:
    found = DataSpec.model_validate(config)
    assert list(found.parts()) == [n for n in ("source", "train", "validation", "test") if n in config]
    assert found.main is (found.source or found.train)
    assert (found.batch_size, found.shuffle) == (32, True)


@pytest.mark.parametrize("shuffle", [True, False, "batch", 2, 8192])
def test_orders_that_can_be(shuffle: Any) -> None:
    found = DataSpec.model_validate({"source": "a.npz", "shuffle": shuffle})
    assert found.shuffle == shuffle
    assert type(found.shuffle) is type(shuffle)
    assert found.mixed_within == (shuffle if type(shuffle) is int else 0)


@pytest.mark.parametrize("shuffle", [0, 1, -5, 2.5, "chunk", None, [8]])
def test_orders_that_cannot_be(shuffle: Any) -> None:
    with pytest.raises(ValidationError):
        DataSpec.model_validate({"source": "a.npz", "shuffle": shuffle})


def test_inputs_and_exclusions() -> None:
    def inputs(value: Any) -> Any:
        return DataSpec.model_validate({"source": "a.npz", "inputs": value}).inputs

    assert inputs("a") == {"*": ("a",)}
    assert inputs(["a", "b"]) == {"*": ("a", "b")}
    assert inputs({"one": "a", "two": ["b"]}) == {"one": ("a",), "two": ("b",)}
    assert inputs(None) is None
    found = DataSpec.model_validate({"source": "a.npz", "columns": {"!id": None, "!b": {}, "x": "number"}})
    assert found.columns == {"!id": ColumnSpec(), "!b": ColumnSpec(), "x": ColumnSpec(type="number")}
    one = DataSpec.model_validate({"source": "a.npz", "inputs": {"a": "x", "b": ["x", "y"]}}).model_dump()
    assert one["inputs"] == {"a": "x", "b": ["x", "y"]}


def test_a_column_that_groups_the_split_keeps_windows_apart() -> None:
    def group(window: dict[str, Any] | None, split: dict[str, Any] | None) -> Any:
        found = DataSpec.model_validate({"source": "a.npz", "window": window, "split": split}).windows
        return found and found.group

    assert group(None, {"group": "s"}) is None
    assert group({"length": 2}, None) is None
    assert group({"length": 2}, {"test": 0.5}) is None
    assert group({"length": 2}, {"group": "s"}) == "s"
    assert group({"length": 2, "group": "w"}, {"group": "s"}) == "w"
    assert group({"length": 2, "group": "w"}, {"test": 0.5}) == "w"


def test_a_path_whose_ending_says_nothing() -> None:
    said = refusal(DataSpec, {"source": "a.xyz"})
    assert said.startswith(
        "cannot tell the type of 'a.xyz' by its ending; say `type:` (endings known: -ubyte, "
    )
    assert ".csv, .csv.gz, .h5, .hdf5, " in said
    assert refusal(DataSpec, {"source": {"path": "a.xyz"}}) == said
    assert refusal(DataSpec, {"source": {"header": True}}) == "a data source needs 'type'"
