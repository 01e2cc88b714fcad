"""WAV files: every width of samples, folders of classes, lengths and rates, and damaged files."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.base import no_hint
from nnctl.data.sources.audio import Audio
from nnctl.data.table import Table, Words


def write(path: Path, raw: bytes, width: int = 2, channels: int = 1, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(raw)


def samples(table: Table) -> Any:
    return table.columns["audio"].values.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("width", "raw"),
    [
        (1, bytes([128, 192, 0])),
        (2, struct.pack("<3h", 0, 1 << 14, -(1 << 15))),
        (3, b"\0\0\0" + b"\0\0\x40" + b"\0\0\x80"),
        (4, struct.pack("<3i", 0, 1 << 30, -(1 << 31))),
    ],
)
def test_every_width(width: int, raw: bytes, tmp_path: Path) -> None:
    write(tmp_path / "a.wav", raw, width)
    table = Audio(path="a.wav").read(tmp_path)
    assert samples(table) == [[0, 0.5, -1]]
    assert table.columns["audio"].dtype == np.float32  # type: ignore[union-attr]


def test_folders_lengths_and_channels(tmp_path: Path) -> None:
    for name, values in (("go/b", [1, 2, 3, 4]), ("go/a", [5, 6]), ("up/c", [7, 8, 9])):
        write(tmp_path / "d" / f"{name}.wav", struct.pack(f"<{len(values)}h", *[v << 8 for v in values]))
    with pytest.raises(DataError, match=r"d/go/b.wav: has 4 samples, the first sound 2") as caught:
        Audio(path="d").read(tmp_path)
    assert caught.value.hint == "length: 2 of the source cuts or fills them"
    table = Audio(path="d", length=3).read(tmp_path)
    assert [[v * 128 for v in row] for row in samples(table)] == [[5, 6, 0], [1, 2, 3], [7, 8, 9]]
    label = table.columns["label"]
    assert isinstance(label, Words)
    assert [label.vocabulary[code] for code in label.codes] == ["go", "go", "up"]
    assert str(table.origin.error("bad", 1)) == "d/go/b.wav: bad"
    assert table.options == {"type": "audio", "length": 3, "sample_rate": 8000}
    first = Audio(path="d", length=3).read(tmp_path, no_hint, 2)
    assert (len(samples(first)), first.total) == (2, 3)
    write(tmp_path / "two.wav", struct.pack("<4h", 256, 768, -512, 0), channels=2)
    assert samples(Audio(path="two.wav").read(tmp_path)) == [[512 / (1 << 15), -256 / (1 << 15)]]
    write(tmp_path / "d/up/fast.wav", bytes(6), rate=16000)
    with pytest.raises(DataError, match=r"fast.wav: has 16000 samples a second, where 8000 are expected"):
        Audio(path="d", length=3).read(tmp_path)


def test_files_that_are_none(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", bytes(600))
    raw = (tmp_path / "a.wav").read_bytes()
    for bad, said in (
        (b"no", "is no WAV file that is read"),
        (raw[:20] + b"\x03" + raw[21:], r"is no WAV file that is read \(unknown format: 3\); PCM is"),
        (
            raw[:40] + struct.pack("<I", 1 << 30) + raw[44:],
            "claims 536870912 samples, more than its 644 bytes",
        ),
        (raw[:-301], "claims 300 samples, more than its 343 bytes hold"),
        (raw[:40] + bytes(4), "holds no samples"),
    ):
        (tmp_path / "b.wav").write_bytes(bad)
        with pytest.raises(DataError, match=f"b.wav: {said}"):
            Audio(path="b.wav").read(tmp_path)
    (tmp_path / "b.wav").write_bytes(raw[:-20])
    with pytest.raises(DataError, match=r"b.wav: ends early: of 300 samples it holds 290"):
        Audio(path="b.wav", length=300).read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no file that ends in .wav"):
        Audio(path="empty").read(tmp_path)
