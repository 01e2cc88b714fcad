"""The quick look: what is exact for small files, what stays open for large ones, no heavy imports."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.data import head as head_module
from nnctl.data.feeding.dataset import Signature
from nnctl.data.head import Head, head
from nnctl.data.spec import DataSpec
from tests.data.given import PEOPLE, write

PREPARED = {"age": {"missing": "mean"}, "hours": {"missing": 0}}


def look(directory: Path, config: dict[str, Any], **wanted: Any) -> Head:
    return head(DataSpec.model_validate(config), directory, 4, **wanted)


def test_a_small_file_is_known_exactly(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", PEOPLE)
    config = {"source": "p.csv", "target": "income", "columns": PREPARED, "split": {"test": 2}}
    found = look(tmp_path, config, categorical={"income": True})
    assert found.exact
    assert found.rows == 8
    assert found.inputs == {"input": Signature((6,), "float32")}
    assert found.targets == {"income": Signature((), "int32")}
    assert found.classes == {"income": 2}
    assert found.sizes == {"train": 6, "test": 2}
    assert [(c.name, c.kind) for c in found.columns] == [
        ("age", "number"),
        ("hours", "number"),
        ("job", "category"),
        ("income", "category"),
        ("weight", "number"),
    ]


def test_a_large_file_is_known_by_its_first_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "WHOLE", 10)
    write(tmp_path, "p.csv", PEOPLE)
    config = {"source": "p.csv", "target": "income", "columns": PREPARED, "split": {"by": "job"}}
    config["inputs"] = {"a": ["age", "job"], "b": "hours"}
    found = look(tmp_path, config, input_shapes={"a": (9,), "b": None})
    assert not found.exact
    assert found.rows is None
    assert found.inputs == {"a": Signature((None,), "float32"), "b": Signature((1,), "float32")}


def test_a_large_file_still_shows_misfits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "WHOLE", 10)
    write(tmp_path, "a.csv", "a,b,y\n1,2,3\n")
    with pytest.raises(ConfigError, match=r"has the shape"):
        look(tmp_path, {"source": "a.csv", "target": "y"}, input_shapes={"x": (3,)})


def test_counting_the_lines_of_a_packed_file_is_bounded_as_reading_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows asked for by number have the lines counted: a damaged file and a bomb are the data's fault."""
    monkeypatch.setattr(head_module, "WHOLE", 10)
    config = {"source": "a.csv.gz", "target": "y", "split": {"test": 9000}}
    rows = "".join(f"{i},{i * i}\n" for i in range(200_000))
    packed = gzip.compress(f"x,y\n{rows}".encode())
    (tmp_path / "a.csv.gz").write_bytes(packed)
    assert not look(tmp_path, config).exact
    (tmp_path / "a.csv.gz").write_bytes(packed[:-5000])
    with pytest.raises(DataError, match=r"a.csv.gz: damaged or cut off compressed data"):
        look(tmp_path, config)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 4_000_000))
    monkeypatch.setattr("nnctl.data.reading.bounds.FREE", 1 << 21)
    with pytest.raises(DataError, match=r"over the bound"):
        look(tmp_path, config)


def test_large_arrays_are_known_by_their_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_module, "WHOLE", 10)
    np.savez(tmp_path / "a.npz", x=np.zeros((300, 7, 2), np.uint8), y=np.zeros(300, np.int64))
    found = look(tmp_path, {"source": "a.npz", "target": "y"})
    assert found.rows == 300
    assert found.inputs == {"input": Signature((7, 2), "float32")}


@pytest.mark.parametrize("whole", [10, 1 << 20])
def test_names_and_files_that_are_not_there(
    tmp_path: Path, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_module, "WHOLE", whole)
    write(tmp_path, "a.csv", "x,y\n" + "1,2\n" * 9)
    write(tmp_path, "b.csv", "x,z\n" + "1,2\n" * 9)
    with pytest.raises(ConfigError) as caught:
        look(tmp_path, {"source": {"path": "a.csv", "target": "yy"}})
    assert caught.value.problems[0].path == ("data", "source", "target")
    assert caught.value.problems[0].suggestion == "y"
    with pytest.raises(DataError, match=r"b.csv: has no column 'y', which 'a.csv' has"):
        look(tmp_path, {"train": "a.csv", "test": "b.csv", "target": "y"})
    with pytest.raises(DataError, match=r"c.csv: no such file"):
        look(tmp_path, {"train": "a.csv", "test": "c.csv", "target": "y"})


def test_no_heavy_imports(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,2\n2,3\n")
    code = (
        "import sys; from pathlib import Path; from nnctl.data.spec import DataSpec\n"
        "from nnctl.data.head import head\n"
        f"head(DataSpec(source='a.csv', target='y'), Path({str(tmp_path)!r}))\n"
        "print(sorted({'numba', 'h5py', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "times"), [("a.csv", 1), ("a.csv.gz", 4), ("a.CSV.GZ", 4)])
def test_what_is_small_enough_to_be_read_whole(
    name: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte, a quarter of it where it is compressed."""
    text = ("x,y\n" + "1,2\n" * 9).encode()
    (tmp_path / name).write_bytes(text if times == 1 else gzip.compress(text))
    cost = (tmp_path / name).stat().st_size * times
    assert head_module.WHOLE == 2**20
    spec = DataSpec.model_validate({"source": name, "target": "y"})
    for whole, exact in ((cost, True), (cost - 1, False)):
        monkeypatch.setattr(head_module, "WHOLE", whole)
        assert head(spec, tmp_path, 5).exact == exact
