"""Tables larger than memory: what is read from what was kept is what the file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.base import no_hint
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import open_data
from nnctl.data.reading import blocks, kept_rows, kept_table, lines, text_blocks
from nnctl.data.spec import DataSpec
from tests.data.examples import examples


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_rows, "IN_MEMORY", 10)
    for module, name in ((blocks, "BLOCK_ROWS"), (text_blocks, "BLOCK_ROWS"), (lines, "CHUNK")):
        monkeypatch.setattr(module, name, 3)


ROWS = [(i, i * 0.5, i % 3, ("red", "blue", "")[i % 3], "" if i == 5 else i) for i in range(11)]


def write(folder: Path) -> None:
    for name, rows in (("a", ROWS[:7]), ("b", ROWS[7:])):
        text = "".join(f"{','.join(map(str, row))}\n" for row in rows)
        (folder / f"{name}.csv").write_text(f"id,x,k,word,gap\n{text}")


def spec(source: Any, **more: Any) -> DataSpec:
    return DataSpec.model_validate(
        {
            "source": source,
            "inputs": {"n": ["id", "x", "gap"], "w": "word"},
            "target": "k",
            "columns": {
                "x": {"scale": "standard"},
                "word": {"type": "category", "missing": "other"},
                "gap": {"missing": "mean"},
            },
            "shuffle": 4,
            "split": {"test": 3},
            **more,
        }
    )


def opened(source: Any, folder: Path) -> tuple[dict[str, Any], Dataset]:
    wanted: dict[str, Any] = {
        "input_shapes": {"n": None, "w": None},
        "outputs": ["k"],
        "categorical": {"k": True},
    }
    data = open_data(spec(source), folder, 5, **wanted)
    train = data.train
    return examples(train) | {"hash": data.data_sha256, "prep": data.preprocessing.model_dump()}, train


def test_what_is_kept_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    for source in ("a.csv", "*.csv"):
        whole, held = opened(source, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(kept_table, "LARGE", 1)
            for _ in ("written", "found"):
                kept, lazy = opened(source, tmp_path)
                assert (held.on_disk, lazy.on_disk) == (False, True)
                assert kept.keys() == whole.keys()
                for name in whole:
                    np.testing.assert_array_equal(kept[name], whole[name])
                    assert getattr(kept[name], "dtype", None) == getattr(whole[name], "dtype", None)
                origin = lazy.origin
                assert origin.error("bad", 6).row == 8
                assert origin.error("bad", 0).file == "a.csv"
        assert len(list((tmp_path / "cache" / "rows").glob("*.rows"))) == (5 if source == "a.csv" else 10)


def test_a_split_by_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The column is used twice, and kept once: the same rows in the same split as in memory."""
    rows = [f"{i},{'abc'[i * i % 3]}" for i in range(29)]
    (tmp_path / "a.csv").write_text("\n".join(["x,k", *rows]) + "\n")
    config = {
        "source": "a.csv",
        "target": "k",
        "shuffle": "batch",
        "split": {"test": 0.3, "stratify": "k"},
    }
    found = []
    for large in (kept_table.LARGE, 1):
        monkeypatch.setattr(kept_table, "LARGE", large)
        data = open_data(DataSpec.model_validate(config), tmp_path, 3, outputs=["k"], categorical={"k": True})
        assert data.test is not None
        found.append([examples(split) for split in (data.train, data.test)])
    held, kept = found
    for ours, theirs in zip(held, kept, strict=True):
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(values, theirs[name])


def test_a_column_that_changes_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_table, "LARGE", 1)
    write(tmp_path)
    (tmp_path / "b.csv").write_text("id,x,k,word,gap\n7,1,oops,red,1\n")
    with pytest.raises(
        DataError, match=r"b.csv:2, column 'k': holds words here and numbers before"
    ) as caught:
        opened("*.csv", tmp_path)
    assert "columns: {k: {type: category}}" in str(caught.value)
    assert not list((tmp_path / "cache" / "rows").iterdir())


def test_parquet_and_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    x = np.arange(22, dtype=np.float32).reshape(11, 2)
    values = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 2)
    pq.write_table(pa.table({"x": values, "y": list(range(11)), "other": ["a"] * 11}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(11))
    monkeypatch.setattr(kept_table, "LARGE", 1)
    for source in ("a.parquet", "a.npz"):
        config = {"source": source, "inputs": "x", "target": "y", "shuffle": "batch"}
        train = open_data(DataSpec.model_validate(config), tmp_path, 0).train
        assert train.on_disk
        rows = np.array([9, 0, 10])
        assert examples(train, rows)["input"].tolist() == x[rows].tolist()
        assert examples(train, rows)["y"].tolist() == [9, 0, 10]


def test_when_it_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    source = spec("*.csv").source
    size = source.size(tmp_path)
    monkeypatch.setattr(kept_table, "LARGE", size)
    assert not kept_table.stays_on_disk(source, tmp_path, False)
    monkeypatch.setattr(kept_table, "LARGE", size - 1)
    assert kept_table.stays_on_disk(source, tmp_path, False)
    assert not kept_table.stays_on_disk(source, tmp_path, True)
    monkeypatch.setattr(kept_table, "memory", lambda: (8 * size - 8, ""))
    assert kept_table.stays_on_disk(source, tmp_path, True)
    assert not kept_table.stays_on_disk(spec({"type": "idx", "images": "*.csv"}).source, tmp_path, False)
    assert source.read(tmp_path, no_hint).total == 11
