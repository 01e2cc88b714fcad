"""The files that training read: what is recorded of them, and what is said when they are others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.spec import DataSpec
from nnctl.data.splitting.trained_on import (
    DataFile,
    TrainedOn,
    changed,
    counted,
    data_files,
    data_sha256,
    moved,
    require_same,
    require_same_split,
    split_sha256,
)


def file(path: str = "a.csv", sha256: str = "1", size: int = 1234, rows: int | None = None) -> DataFile:
    return DataFile(path=path, sha256=sha256, bytes=size, rows=rows)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (file(), None, "the run was trained on this file too"),
        (file(), file(size=999), "has changed since the run was trained: it had 1,234 bytes, now 999"),
        (
            file(rows=1000),
            file(rows=999),
            "has changed since the run was trained: it had 1,000 rows (1,234 bytes), now 999 (1,234)",
        ),
        (
            file(),
            file(rows=9, size=5678),
            "has changed since the run was trained: it had 1,234 bytes, now 5,678",
        ),
        (
            file(rows=9),
            file(size=5678),
            "has changed since the run was trained: it had 1,234 bytes, now 5,678",
        ),
        *(
            (
                a,
                b,
                "has changed since the run was trained: as long as before (1,234 bytes), but other content",
            )
            for a, b in (
                (file(), file()),
                (file(rows=3), file(rows=3)),
                (file(rows=3), file()),
                (file(), file(rows=3)),
            )
        ),
    ],
)
def test_what_has_changed(before: DataFile, after: DataFile | None, words: str) -> None:
    assert changed(before, after) == words


def test_files_must_be_those_that_were_recorded() -> None:
    recorded = {"source.path": file(), "test.path": file("b.csv", "2")}
    require_same(recorded, dict(recorded), "way")
    require_same({}, recorded, "way")
    for now, path in (
        (recorded | {"test.path": file("c.csv", "3")}, "c.csv"),
        ({"source.path": file()}, "b.csv"),
    ):
        with pytest.raises(DataError) as caught:
            require_same(recorded, now, "way")
        assert (caught.value.file, caught.value.hint) == (path, "way")


def test_the_split_must_be_the_one_that_was_recorded() -> None:
    require_same_split(TrainedOn(), "x", "a.csv")
    require_same_split(TrainedOn(split_sha256="x"), "x", "a.csv")
    with pytest.raises(DataError, match=r"^a\.csv: this version of nnctl splits the file otherwise"):
        require_same_split(TrainedOn(split_sha256="x"), "y", "a.csv")


def test_hashes() -> None:
    assert data_sha256({"source.path": file(sha256="abc")}) == "abc"
    listing = hashlib.sha256(b"a 2\nb 1\n").hexdigest()
    assert data_sha256({"b": file(sha256="1"), "a": file(sha256="2")}) == listing
    rows = [np.array([0, 2]), np.array([1]), np.array([], dtype=np.int64)]
    told = b"2\0" + np.array([0, 2], "<i8").tobytes() + b"1\0" + np.array([1], "<i8").tobytes() + b"0\0"
    assert split_sha256((rows[0], rows[1], rows[2])) == hashlib.sha256(told).hexdigest()


def test_what_is_recorded_of_files(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(f"x,y\n{name},1\n")
    spec = DataSpec.model_validate({"train": "a.csv", "test": "b.csv", "target": "y"})
    found = data_files(spec, tmp_path, {"train": spec.train.read(tmp_path)})
    assert {name: (f.path, f.bytes, f.rows) for name, f in found.items()} == {
        "train.path": ("a.csv", 8, 1),
        "test.path": ("b.csv", 8, None),
    }
    assert found["train.path"].sha256 == hashlib.sha256(b"x,y\na,1\n").hexdigest()
    (tmp_path / "b.csv").write_text("x,y\n1,1\n2,2\n")
    known = {name: f.model_copy(update={"rows": 1}) for name, f in found.items()}
    now = counted(spec, tmp_path, known)
    assert [now[name].rows for name in ("train.path", "test.path")] == [None, 2]
    unknown = counted(spec, tmp_path, {"test.path": found["test.path"]})
    assert unknown["test.path"].rows is None
    (tmp_path / "b.csv").write_text("")
    assert counted(spec, tmp_path, known)["test.path"].rows is None


def test_files_that_have_moved(tmp_path: Path) -> None:
    for place in ("new/data/a.csv", "new/a.csv", "new/b.csv", "single.csv"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("x,y\n1,2\n")
    two = DataSpec.model_validate({"train": "../data/a.csv", "test": "/old/b.csv", "target": "y"})
    found = moved(two, tmp_path / "new")
    assert (found.train.path, found.test.path) == (
        str(tmp_path / "new/data/a.csv"),
        str(tmp_path / "new/b.csv"),
    )
    with pytest.raises(DataError) as caught:
        moved(two, tmp_path / "single.csv")
    assert str(caught.value) == (
        f"{tmp_path / 'single.csv'}: stands for 2 files that the run was trained on\n"
        "  name the directory that they are in"
    )
    one = DataSpec.model_validate({"source": "a.csv", "target": "y"})
    assert moved(one, tmp_path / "single.csv").source.path == str(tmp_path / "single.csv")
    with pytest.raises(DataError, match="no such file"):
        moved(one, tmp_path / "none.csv")
    (tmp_path / "new" / "b.csv").unlink()
    with pytest.raises(DataError, match=r"^b\.csv: no such file"):
        moved(two, tmp_path / "new")
