"""What compressed data may expand to: to the byte."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from nnctl.core.errors import DataError
from nnctl.data.reading.bounds import BoundedStream, check_expansion, open_bytes

FREE = 64 * 1024 * 1024


def test_expanding_two_hundredfold_is_allowed_and_any_to_64_mib() -> None:
    check_expansion("a.gz", 0, FREE)
    check_expansion("a.gz", 1, FREE)
    check_expansion("a.gz", FREE // 200 + 1, FREE + 1)
    check_expansion("a.gz", 10**6, 200 * 10**6)
    for stored, expanded in ((0, FREE + 1), (FREE // 200, FREE + 1), (10**6, 200 * 10**6 + 1)):
        with pytest.raises(DataError) as caught:
            check_expansion("a.gz", stored, expanded)
        assert str(caught.value) == (
            f"a.gz: expands from {stored} to {expanded} bytes or more, over the bound of 200 to 1\n"
            "  if this is real data, store it uncompressed"
        )


def test_a_stream_counts_what_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnctl.data.reading.bounds.FREE", 10)
    stream = BoundedStream(io.BytesIO(bytes(300)), "a.gz", 1)
    assert stream.readable()
    assert [stream.readinto(bytearray(150)), stream.readinto(bytearray(50))] == [150, 50]
    with pytest.raises(DataError, match="from 1 to 201 bytes"):
        stream.readinto(bytearray(1))


def test_files_are_unpacked_by_their_names(tmp_path: Path) -> None:
    for name in ("a.gz", "b.GZ"):
        (tmp_path / name).write_bytes(gzip.compress(b"text"))
        with open_bytes(tmp_path / name, name) as content:
            assert content.read() == b"text"
    (tmp_path / "c.csv").write_bytes(gzip.compress(b"text"))
    with open_bytes(tmp_path / "c.csv", "c.csv") as content:
        assert content.read(2) == b"\x1f\x8b"
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"text")[:-3])
    with (
        pytest.raises(DataError, match=r"^d\.gz: damaged or cut off"),
        open_bytes(tmp_path / "d.gz", "d.gz") as content,
    ):
        content.read()
    with (
        pytest.raises(DataError, match=r"^e\.gz: cannot be read \(No such file"),
        open_bytes(tmp_path / "e.gz", "e.gz"),
    ):
        pass
