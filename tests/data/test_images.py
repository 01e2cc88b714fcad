"""Pictures: folders of classes, tables of paths, sizes and colours, what is kept of them, broken files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.base import no_hint
from nnctl.data.open import open_data
from nnctl.data.reading import kept_rows, pictures
from nnctl.data.sources.images import Images
from nnctl.data.spec import DataSpec
from nnctl.data.table import Numbers, Table, Words

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NNCTL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rows"


def save(path: Path, pixels: Any, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(pixels, dtype=np.uint8)).save(path, **options)


def values(table: Table) -> Any:
    column = table.columns["image"]
    assert isinstance(column, Numbers)
    return column.values


def words(table: Table, name: str = "label") -> list[str]:
    column = table.columns[name]
    assert isinstance(column, Words)
    return [column.vocabulary[code] for code in column.codes]


def two_classes(folder: Path) -> None:
    for name, level in (("dog/b", 3), ("cat/a", 1), ("dog/a", 2), ("cat/z/c", 5)):
        save(folder / f"{name}.png", np.full((2, 3), level))


def test_a_folder_of_classes(tmp_path: Path) -> None:
    two_classes(tmp_path / "d")
    (tmp_path / "d" / "readme.txt").write_text("no picture")
    table = Images(path="d", color_mode="grayscale").read(tmp_path)
    assert values(table).shape == (4, 2, 3, 1)
    assert values(table)[:, 0, 0, 0].tolist() == [1, 5, 2, 3]
    assert words(table) == ["cat", "cat", "dog", "dog"]
    assert str(table.origin.error("bad", 2)) == "d/dog/a.png: bad"
    assert values(Images(path="d").read(tmp_path)).shape == (4, 2, 3, 3)
    first = Images(path="d").read(tmp_path, no_hint, 3)
    assert (len(values(first)), first.total, words(first)) == (3, 4, ["cat", "cat", "dog"])
    blocks = list(Images(path="d").blocks(tmp_path, no_hint, lambda names, _: names, lambda _: False))
    assert [words(block) for block in blocks] == [["cat", "cat", "dog", "dog"]]


def test_pictures_without_classes(tmp_path: Path) -> None:
    two_classes(tmp_path / "d")
    for path, levels in (("d/dog", [2, 3]), ("d/*/a.png", [1, 2]), (["d/dog/b.png", "d/cat"], [3, 1, 5])):
        table = Images(path=path).read(tmp_path)
        assert (list(table.columns), values(table)[:, 0, 0, 0].tolist()) == (["image"], levels)
    save(tmp_path / "d" / "loose.png", np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"d/loose.png: lies beside the folders of classes"):
        Images(path="d").read(tmp_path)


def test_a_table_of_paths(tmp_path: Path) -> None:
    two_classes(tmp_path / "p" / "d")
    table_file = tmp_path / "p" / "t.csv"
    table_file.write_text("y,path,kind\n0.5,d/dog/b.png,u\n1.5,d/cat/a.png,v\n")
    table = Images(path="p/t.csv").read(tmp_path)
    assert list(table.columns) == ["image", "y", "kind"]
    assert values(table)[:, 0, 0, 0].tolist() == [3, 1]
    assert table.columns["y"].values.tolist() == [0.5, 1.5]  # type: ignore[union-attr]
    assert words(table, "kind") == ["u", "v"]
    assert str(table.at("y").error("bad", 1)) == "p/t.csv:3: bad"
    table_file.write_text("y,path\n1,d/dog/b.png\n2,d/no.png\n")
    with pytest.raises(DataError, match=r"p/t.csv:3, column 'path': there is no picture 'p/d/no.png'"):
        Images(path="p/t.csv").read(tmp_path)
    with pytest.raises(DataError, match=r"p/t.csv: has no column 'file' of paths"):
        Images(path="p/t.csv", column="file").read(tmp_path)


def test_a_picture_is_turned_as_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    save(tmp_path / "a.png", [[10, 20, 30], [40, 50, 60]], exif=exif)
    table = Images(path="a.png", color_mode="grayscale").read(tmp_path)
    assert values(table)[0, ..., 0].tolist() == [[40, 10], [50, 20], [60, 30]]


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({}, [100, 100, 200, 200]),
        ({"crop_to_aspect_ratio": True}, [100, 100, 200, 200]),
        ({"pad_to_aspect_ratio": True}, [100, 100, 200, 200]),
    ],
)
def test_pictures_of_another_form(fields: dict[str, Any], row: list[int], tmp_path: Path) -> None:
    """A wide picture, black at its ends: cropping leaves them out, bars stand above and below it."""
    save(tmp_path / "a.png", np.repeat([[0] * 4 + [100] * 4 + [200] * 4 + [0] * 4], 8, 0))
    found = values(Images(path="a.png", image_size=(4, 4), color_mode="grayscale", **fields).read(tmp_path))
    assert found.shape == (1, 4, 4, 1)
    middle = found[0, 1, :, 0]
    assert bool(found[0, 0].any()) is not ("pad_to_aspect_ratio" in fields)
    assert bool(middle[0] > 50) is ("crop_to_aspect_ratio" in fields)


def test_kinds_of_pixels(tmp_path: Path) -> None:
    deep = Image.fromarray(np.array([[0, 65535, 25700]], dtype=np.uint16))
    deep.save(tmp_path / "deep.png")
    Image.fromarray(np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], dtype=np.uint8)).save(
        tmp_path / "clear.png"
    )
    grey = Images(path="deep.png", color_mode="grayscale").read(tmp_path)
    assert values(grey)[0, 0, :, 0].tolist() == [0, 255, 100]
    assert values(Images(path="clear.png").read(tmp_path))[0, 0].tolist() == [[255, 255, 255], [10, 20, 30]]


def test_sizes_that_differ(tmp_path: Path) -> None:
    save(tmp_path / "d" / "a.png", np.zeros((2, 3)))
    save(tmp_path / "d" / "b.png", np.zeros((4, 3)))
    with pytest.raises(DataError, match=r"d/b.png: has 4 x 3 pixels, others 2 x 3") as caught:
        Images(path="d").read(tmp_path)
    assert caught.value.hint == "image_size: [2, 3] of the source resizes them"
    assert values(Images(path="d", image_size=(5, 7)).read(tmp_path)).shape == (2, 5, 7, 3)


def bomb(path: Path, size: int) -> None:
    """A PNG of a few bytes that claims size x size pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def test_broken_files_are_named_or_passed_over(tmp_path: Path) -> None:
    two_classes(tmp_path / "d")
    save(tmp_path / "noise.png", np.random.default_rng(0).integers(0, 255, (40, 50)))
    raw = (tmp_path / "noise.png").read_bytes()
    (tmp_path / "d/cat/half.png").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "d/cat/no.jpg").write_text("<svg>")
    bomb(tmp_path / "d/dog/bomb.png", 60_000)
    bomb(tmp_path / "d/dog/wide.png", 9000)
    faults = {
        "cat/half.png": r"d/cat/half.png: is a damaged picture",
        "cat/no.jpg": r"d/cat/no.jpg: is no picture that is read \(JPEG, PNG",
        "dog/bomb.png": r"d/dog/bomb.png: claims pixels over the bound of \d+",
        "dog/wide.png": r"d/dog/wide.png: claims 9000 x 9000 pixels, over the bound of \d+",
    }
    for name, said in faults.items():
        with pytest.raises(DataError, match=said):
            Images(path=f"d/{name}").read(tmp_path)
    with pytest.raises(DataError, match=r"half.png") as caught:
        Images(path="d").read(tmp_path)
    assert caught.value.hint == "broken: skip passes over such files"
    for _ in ("decoded", "from the cache"):
        table = Images(path="d", broken="skip").read(tmp_path)
        assert values(table)[:, 0, 0, 0].tolist() == [1, 5, 2, 3]
        assert (words(table), table.total) == (["cat", "cat", "dog", "dog"], 4)
        assert table.notes[0].startswith("4 files were passed over: d/cat/half.png is a damaged picture")
        assert str(table.origin.error("bad", 3)) == "d/dog/b.png: bad"
    with pytest.raises(DataError, match="no other file is a picture"):
        Images(path="d/cat/no.jpg", broken="skip").read(tmp_path)


def test_what_is_kept_is_never_trusted(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_classes(tmp_path / "d")
    decoded: list[str] = []
    decode = pictures.Wanted.decoded

    def counted(self: pictures.Wanted, full: Path, file: str) -> Any:
        decoded.append(file)
        return decode(self, full, file)

    monkeypatch.setattr(pictures.Wanted, "decoded", counted)

    def read(**fields: Any) -> int:
        decoded.clear()
        assert values(Images(path="d", **fields).read(tmp_path))[:, 0, 0, 0].tolist() == [1, 5, 2, 3]
        return len(decoded)

    assert [read(), read(), read(color_mode="grayscale")] == [4, 0, 4]
    (kept, other) = sorted(cache.glob("*.rows"), key=lambda path: path.stat().st_size, reverse=True)
    other.unlink()
    raw = kept.read_bytes()
    for bad in (
        b"",
        raw[:40],
        raw[:-1],
        raw[:70] + bytes([raw[70] ^ 1]) + raw[71:],
        b"x" + raw[1:],
        raw + b" ",
    ):
        kept.write_bytes(bad)
        assert read() == 4
        assert kept.read_bytes() == raw
        assert read() == 0
    save(tmp_path / "d/dog/b.png", np.full((2, 3), 3), compress_level=0)
    assert read() == 4
    cache.chmod(0o777)
    assert [read(), read()] == [4, 4]
    cache.chmod(0o755)
    monkeypatch.setenv("NNCTL_CACHE_DIR", "/proc/no")
    assert [read(), read()] == [4, 4]


def test_many_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "IN_MEMORY", 10)
    monkeypatch.setattr("nnctl.data.sources.images._TOGETHER", 2)
    two_classes(tmp_path / "d")
    kept = values(Images(path="d").read(tmp_path))
    assert not isinstance(kept, np.ndarray)
    rows = np.array([3, 0, 3, 1])
    for gap, span in ((0, 1 << 20), (1 << 15, 1 << 20), (1 << 15, 20)):
        monkeypatch.setattr(kept_rows, "GAP", gap)
        monkeypatch.setattr(kept_rows, "SPAN", span)
        assert kept.take(rows)[:, 0, 0, 0].tolist() == [3, 1, 3, 5]
    assert kept.whole()[:, 1, 2, 2].tolist() == [1, 5, 2, 3]


def test_the_data_of_an_experiment(tmp_path: Path) -> None:
    two_classes(tmp_path / "d")
    spec = DataSpec.model_validate(
        {"source": {"type": "images", "path": "d"}, "target": "label", "shuffle": False}
    )
    data = open_data(spec, tmp_path, 0)
    assert data.class_names == {"label": ("cat", "dog")}
    ((name, file),) = data.files.items()
    assert (name, file.path, file.rows) == ("source.path", "d", 4)
    again = open_data(spec, tmp_path, 0)
    assert again.data_sha256 == data.data_sha256
    save(tmp_path / "d/dog/b.png", np.full((2, 3), 9))
    assert open_data(spec, tmp_path, 0).data_sha256 != data.data_sha256
    assert data.preprocessing.reader["image_size"] == [2, 3]


def test_what_contradicts_itself_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="contradict each other"):
        Images(path="d", image_size=(2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
    with pytest.raises(ValueError, match="needs 'image_size' to crop or pad to"):
        Images(path="d", crop_to_aspect_ratio=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no picture \(.jpg"):
        Images(path="empty").read(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(ConfigError, match="the data source images needs the package pillow") as caught:
        Images(path="empty").read(tmp_path)
    assert caught.value.problems[0].expected == "pip install 'nnctl[images]'"
