"""`plan --ranks`: what is counted of the others' part, and what a step is said to take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.ranks.imagined import ImaginedRanks, Network
from nnctl.ranks.tree import TreeSum, shards_of
from nnctl.workflow.scale import _bandwidth, _latency, _sizes
from tests.cli.command import CONFIGS, nnctl


@pytest.mark.parametrize(
    ("text", "value"),
    [("10Gb", 1.25e9), ("1.25GB", 1.25e9), ("100 Mbit/s", 1.25e7), ("8kb", 1e3), ("5TB/s", 5e12)],
)
def test_bandwidths(text: str, value: float) -> None:
    assert _bandwidth(text) == value


@pytest.mark.parametrize(("text", "value"), [("50us", 5e-5), ("0.1 ms", 1e-4), ("2s", 2.0), ("7ns", 7e-9)])
def test_latencies(text: str, value: float) -> None:
    assert _latency(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["10", "Gb", "0Gb", "1.2.3Gb", "-1Gb", "10Gx"])
def test_what_is_no_bandwidth_or_latency(text: str) -> None:
    for read in (_bandwidth, _latency):
        with pytest.raises(ConfigError, match="takes a number and a unit"):
            read(text)


def test_sizes() -> None:
    assert [_sizes(n) for n in (1, 2, 3, 8, 12)] == [[1], [1, 2], [1, 2, 3], [1, 2, 4, 8], [1, 2, 4, 8, 12]]


@pytest.mark.parametrize(("size", "exchanges"), [(1, 0), (2, 1), (4, 2), (8, 3)])
def test_what_a_sum_costs(size: int, exchanges: int) -> None:
    """Of 64 floats: a half, then a quarter, ... each way, then what each has to all."""
    ranks = ImaginedRanks(size, 8, Network(bandwidth=1000.0, latency=0.5))
    out = np.ones(64, "f4")
    tree = TreeSum(ranks, 8, out)
    for shard in shards_of(ranks.rank, size, 8):
        tree.take(shard, 1.0)
    tree.finish([True] * 8)
    part = 256 * (size - 1) // size
    assert ranks.sent == 2 * part
    assert ranks.messages == 2 * exchanges
    assert ranks.seconds == pytest.approx(0.5 * 2 * exchanges + 2 * part / 1000)


def test_the_one_with_the_most() -> None:
    ranks = ImaginedRanks(3, 8, Network(1.0, 0.0))
    assert len(shards_of(ranks.rank, 3, 8)) == 3
    rows = ranks.gather_rows(np.full((3, 2), 7.0), [2, 3, 3])
    assert rows.sum() == 42.0
    assert rows[2 if ranks.rank == 1 else 5].tolist() == [7.0, 7.0]


def test_what_is_handed_round_costs() -> None:
    """Rows of doubles: of eight, six are others'; what has no known length, in two rounds; nothing alone."""
    ranks = ImaginedRanks(4, 8, Network(bandwidth=1000.0, latency=0.5))
    ranks.gather_rows(np.zeros((2, 5)), [2, 2, 2, 2])
    assert (ranks.messages, ranks.sent) == (2, 6 * 5 * 8)
    assert ranks.seconds == pytest.approx(2 * 0.5 + 0.24)
    assert ranks.gather("a") == ["a"] * 4
    assert (ranks.messages, ranks.sent) == (6, 240 + 8 + 64)
    alone = ImaginedRanks(1, 8, Network(bandwidth=1000.0, latency=0.5))
    alone.gather_rows(np.zeros((8, 5)), [8])
    alone.gather(None)
    assert (alone.messages, alone.sent, alone.seconds) == (0, 0, 0.0)


def test_what_is_exchanged_costs() -> None:
    """The larger of the two ways; what comes is zeros."""
    ranks = ImaginedRanks(2, 8, Network(bandwidth=1000.0, latency=0.5))
    came = np.ones(25, "f4")
    ranks.exchange([(1, np.ones(5, "f4"))], [(1, came)])
    assert (ranks.messages, ranks.sent, ranks.seconds) == (1, 20, 0.5 + 0.1)
    assert not came.any()
    ranks.exchange([(1, np.ones(5, "f4"))], [])
    assert (ranks.messages, ranks.sent) == (2, 40)
    ranks.exchange([], [])
    assert ranks.messages == 2


def test_a_plan(tmp_path: Path) -> None:
    """Nothing is written; a row for each number."""
    found = nnctl(
        "plan",
        CONFIGS / "iris.yaml",
        "--ranks",
        "2",
        "--latency",
        "10ms",
        "--bandwidth",
        "1GB",
        "--json",
        cwd=tmp_path,
    )
    assert found.code == 0, found.err
    alone, two = found.json["ranks"]
    assert (alone["ranks"], alone["shards"], two["ranks"], two["shards"]) == (1, 8, 2, 4)
    assert alone["sent_bytes"] == 0 == alone["communicate_seconds"]
    assert two["communicate_seconds"] == pytest.approx(0.03, rel=0.1)
    assert two["step_seconds"] == two["communicate_seconds"] + two["compute_seconds"]
    assert 0 < two["compute_seconds"] < 1
    assert list(tmp_path.iterdir()) == []
    text = nnctl("plan", CONFIGS / "iris.yaml", "--ranks", "1", cwd=tmp_path).out
    assert "in several processes, 10Gb and 50us apart" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ranks", "4", "--set", "training.shards=3"], "4 processes cannot share 3 shards"),
        (["--ranks", "64"], "64 processes cannot share a batch of 16"),
        (["--ranks", "2", "--bandwidth", "fast"], "--bandwidth takes a number and a unit"),
    ],
)
def test_what_cannot_be_planned(words: list[str], message: str) -> None:
    found = nnctl("plan", CONFIGS / "iris.yaml", *words)
    assert found.code == 2
    assert message in found.err
