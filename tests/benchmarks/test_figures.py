"""What figures come to, the tables, and the picture: of results that were written down."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import summary, tables
from benchmarks.libraries import LIBRARIES, NNCTL
from benchmarks.page import page, pages
from benchmarks.picture import picture
from benchmarks.processes import ROOT, Worker, environment, run_whole
from benchmarks.roofline import roofline
from benchmarks.timing import Timed, agreement, in_turns, loss_difference, output_difference, summaries
from benchmarks.workloads import WORKLOADS


@pytest.fixture
def found() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((Path(__file__).parent / "found.json").read_text())
    summary.add(read)
    return read


def _timed(name: str, *bursts: list[float]) -> Timed:
    worker = Worker.__new__(Worker)
    worker.name = name
    return Timed(worker, list(bursts))


def test_a_ratio_is_of_the_same_round() -> None:
    mine = _timed("nnctl", [0.001, 0.002, 0.009], [0.004, 0.004], [0.001])
    other = _timed("other", [0.004, 0.004], [0.004, 0.020], [0.005])
    row = other.summary(mine)
    assert row["ratio"] == 3.0  # the median of 2, 3 and 5
    assert row["ms"] == 4.0
    assert row["ms_best_burst"] == 4.0
    assert row["ms_best"] == 4.0
    assert row["steps"] == 5
    assert mine.summary(mine)["ratio"] == 1.0
    assert mine.summary(mine)["ms_best_burst"] == 1.0


class _Scripted(Worker):
    """Replies from a list; an error where it ends."""

    def __init__(self, name: str, *replies: list[float]) -> None:
        self.name = name
        self.replies = list(replies)

    def ask(self, **request: Any) -> Any:
        if not self.replies:
            raise RuntimeError(f"{self.name} ended")
        return self.replies.pop(0)


def test_turns_and_who_fails_in_them() -> None:
    workers = [_Scripted("nnctl", [9.0], [1.0], [2.0]), _Scripted("weak", [9.0], [3.0]), _Scripted("none")]
    left_out: dict[str, str] = {}
    said: list[str] = []
    timed = in_turns(workers, 2, said.append, left_out, do="burst", job="mlp")
    # The first burst only warms up.
    assert [(one.worker.name, one.bursts) for one in timed] == [("nnctl", [[1.0], [2.0]])]
    assert left_out == {"none": "none ended", "weak": "weak ended"}
    assert [row["ms"] for row in summaries(timed, "nnctl")] == [1500.0]
    assert summaries([_timed("weak", [1.0])], "nnctl") == []
    assert len(said) == 3


def test_who_computes_something_else_is_left_out() -> None:
    said = {"nnctl": [2.0, 1.0], "same": [2.0, 1.001], "other": [2.0, 1.5], "broken": [float("nan"), 1.0]}
    compared = agreement(said, "nnctl", loss_difference, 2e-3)
    assert compared["agreeing"] == ["same"]
    assert compared["agree"]
    assert compared["largest_difference"] == pytest.approx(1e-3, rel=1e-6)
    assert compared["differences"]["broken"] == math.inf
    assert not agreement({"nnctl": [1.0], "other": [2.0]}, "nnctl", loss_difference, 2e-3)["agree"]
    assert not agreement({"other": [2.0]}, "nnctl", loss_difference, 2e-3)["agree"]
    assert agreement({"nnctl": [1.0]}, "nnctl", loss_difference, 2e-3)["agree"]
    assert output_difference([0.0, 10.0], [0.1, 10.0]) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="zip"):
        output_difference([1.0], [1.0, 2.0])


def test_the_fastest_peer_and_the_mean(found: dict[str, Any]) -> None:
    tiny, mlp = found["workloads"]["tiny"], found["workloads"]["mlp"]
    assert tiny["fastest"] == {"library": "JAX", "ratio": 8.0}
    assert mlp["fastest"] == {"library": "PyTorch", "ratio": 0.5}
    training = found["summary"]["training"]
    assert training == {
        "workloads": 2, "geometric_mean": 2.0, "lowest": 0.5, "lowest_workload": "mlp"
    }  # fmt: skip
    assert found["summary"]["inference 256"]["lowest"] == 1.25
    assert mlp["memory_ratio"] == 0.5
    assert tiny["memory_ratio"] == 0.5  # by the leanest of two
    # 2 million operations in a quarter of a millisecond are 8 GFLOP/s; the peak is 100.
    assert tiny["share_of_peak"] == 0.08
    assert tiny["inference"]["256"]["share_of_peak"] == 0.256
    assert summary.fastest([{"library": NNCTL, "ratio": 1.0}]) is None
    assert summary.share(1.0, 1.0, None) is None


def test_tables_say_everything(found: dict[str, Any]) -> None:
    text = tables.text(found)
    for part in (
        "Peak: 100.0 GFLOP/s",
        "tiny: 4-16-3, batch 32",
        "losses without dropout agree: largest relative difference 2.0e-06",
        "left out: Keras on JAX could not be started",
        "unet: a failed one",
        "losses without dropout DO NOT AGREE: not timed",
        "training: geometric mean 2.0 over 2 workloads, lowest 0.5 (mlp)",
        "beside a process that keeps one core busy",
        "forward, batch 256",
        "scikit-learn drops nothing",
        "failed: nnctl ended",
    ):
        assert part in text
    row = next(line for line in text.split("Training:")[1].splitlines() if line.startswith("mlp"))
    assert row.split() == ["mlp", "2.0", "PyTorch", "0.5", "0.5", "100.0", "0.5"]
    assert "nothing was timed" in tables.text(
        {"threads": 1, "workloads": {"unet": found["workloads"]["unet"]}}
    )


def test_slowdowns() -> None:
    (row,) = summary.slowdowns({"one": {"alone": [0.001, 0.001, 0.003], "busy": [0.002, 0.002, 0.008]}})
    assert row == {
        "library": "one", "ms_alone": 1.0, "ms_busy": 2.0, "ms_busy_mean": 4.0, "times_slower": 2.0
    }  # fmt: skip


def test_the_picture_has_a_bar_for_each_workload(found: dict[str, Any]) -> None:
    drawn = ElementTree.fromstring(picture(found))
    space = {"svg": "http://www.w3.org/2000/svg"}
    bars = [e for e in drawn.iterfind("svg:rect", space) if e.get("class") != "ground"]
    assert [(bar.get("class"), bar.get("width")) for bar in bars] == [("bar", "510.0"), ("slow", "31.9")]
    words = ["".join(e.itertext()) for e in drawn.iterfind("svg:text", space)]
    assert "geometric mean 2.00" in words[0]
    assert [word for word in words if word.isdigit()] == list("12345678")
    assert "8.00 JAX" in words
    assert "0.50 PyTorch" in words
    assert "prefers-color-scheme: dark" in picture(found)
    assert ElementTree.fromstring(picture({"workloads": {}})) is not None


CALLS = [
    {"kernel": "matmul", "op": "MatMul", "calls": 8, "ms": 0.5, "flops": 4e7, "megabytes": 0.5},
    {"kernel": "update after", "op": "Update", "calls": 1, "ms": 0.25, "flops": 1e6, "megabytes": 2.0},
    {"kernel": "check", "op": "FirstNonFinite", "calls": 1, "ms": 0.2, "flops": 1, "megabytes": 1.0},
    {"kernel": "fill", "op": "Fill", "calls": 2, "ms": 0.03, "flops": 1e6, "megabytes": 0.01},
]
"""Of a step of 0.98 ms."""


def test_a_dot_for_each_kind_of_call_that_takes_its_part(found: dict[str, Any]) -> None:
    stop = {"kernel": "stop", "op": "Stop", "calls": 1, "ms": 0.3, "flops": 1, "megabytes": 0.0}
    found["workloads"]["tiny"]["calls"] = [*CALLS, stop]
    drawn = ElementTree.fromstring(roofline(found))
    space = {"svg": "http://www.w3.org/2000/svg"}
    dots = drawn.findall("svg:circle", space)
    # Of 100 GFLOP/s and 10 GB/s the corner is at 10 operations a byte; the check makes too few to be shown.
    assert ["".join(dot.itertext()) for dot in dots] == [
        "tiny: matmul (MatMul), 39%, 80 GFLOP/s",
        "tiny: update after (Update), 20%, 4 GFLOP/s",
    ]
    roof = [tuple(map(float, p.split(","))) for p in drawn.find("svg:polyline", space).get("points").split()]
    corner, product, update = roof[1], *((float(d.get("cx")), float(d.get("cy"))) for d in dots)
    assert roof[1][1] == roof[2][1]
    # 80 operations a byte lie right of the corner, just under the roof; half an operation far left of it,
    # just under the slope, which there is at 5 GFLOP/s.
    decade = (corner[0] - roof[0][0]) / math.log10(10 / 0.05)
    assert product[0] - corner[0] == pytest.approx(decade * math.log10(8), abs=0.1)
    assert update[0] - corner[0] == pytest.approx(decade * math.log10(0.05), abs=0.1)
    height = (roof[0][1] - roof[1][1]) / math.log10(100 / 0.5)
    assert product[1] - corner[1] == pytest.approx(height * math.log10(100 / 80), abs=0.1)
    assert update[1] - corner[1] == pytest.approx(height * math.log10(100 / 4), abs=0.1)


def test_threads_and_calls_in_the_table_and_on_the_page(found: dict[str, Any]) -> None:
    assert "Where a training step's time goes" not in page(found)
    found["workloads"]["tiny"] |= {"calls": CALLS, "threads": {"ms": 0.25, "ms_one": 0.4, "ratio": 1.6}}
    written, printed = page(found), tables.text(found)
    assert "| tiny | 0.4 | 0.25 | 1.6 |" in written
    assert "| tiny | matmul (MatMul) | 8 | 0.5 | 80 | 1 | 0.51 |" in written
    assert "|  | update after (Update) | 1 | 0.25 | 4 | 8 | 0.26 |" in written
    assert "on one thread 0.4 ms, on all 0.25 ms: 1.6 times as fast" in printed
    row = next(line for line in printed.splitlines() if line.startswith("fill (Fill)"))
    assert row.split() == ["fill", "(Fill)", "2", "0.0300", "33.33", "0.33", "0.031"]


def test_what_libraries_can() -> None:
    by_name = {one.name: one for one in LIBRARIES}
    assert LIBRARIES[0].name == NNCTL
    fits = [n for n, w in WORKLOADS.items() if by_name["scikit-learn"].trains(w) is None]
    assert fits == ["tiny", "mlp", "wide"]
    assert by_name["PyTorch channels-last"].trains(WORKLOADS["vgg"]) is None
    assert by_name["PyTorch channels-last"].asks(WORKLOADS["lstm"]) is not None
    assert all(
        by_name["PyTorch"].trains(w) is None and by_name["JAX"].trains(w) is None for w in WORKLOADS.values()
    )


def test_the_page_has_each_figure_at_its_place(found: dict[str, Any]) -> None:
    text = page(found)
    assert "on a machine, 2\nthreads" in text
    assert "| training | 2 | 2.0 | **0.50** (mlp) |" in text
    assert "|  | nnctl | PyTorch | JAX | fastest peer / nnctl |" in text
    assert "| **tiny** 4-16-3, batch 32 | 0.25 | 2.5 | 2 | 8.00 | 0.08 | 100.0 | 0.5 |" in text
    assert "| **mlp** 784-512-512-10 | 2 | 1 |  | **0.50** | 0.5 | 100.0 | 0.5 |" in text
    assert "## Forward, batch 256\n\n|  | nnctl | PyTorch | fastest peer / nnctl |" in text
    assert "| tiny | 0.01 | 0.0125 | 1.25 |" in text
    assert "- gru: failed: nnctl ended" in text


def test_the_pages_are_those_of_the_run_that_is_kept() -> None:
    """Run `make docs` where this fails."""
    assert [file.name for file, text in pages().items() if file.read_text(encoding="utf-8") != text] == []


def test_what_a_whole_process_took() -> None:
    """Its own peak, not what this process, which started it, has held; its output, its code."""
    own = np.ones(300 << 17)  # 300 MiB
    small = [sys.executable, "-I", "-S", "-c", "import sys; print('said'); sys.exit(3)"]
    found = run_whole(small, environment(1), ROOT)
    assert (found.code, found.output) == (3, "said\n")
    assert 0 < found.megabytes < 50
    assert 0 < found.cpu < found.seconds + 1
    large = [sys.executable, "-I", "-S", "-c", "import time; x = b'1' * (100 << 20); time.sleep(0.2)"]
    found = run_whole(large, environment(1), ROOT)
    assert found.code == 0
    assert 100 < found.megabytes < 200
    assert 0.2 < found.seconds < 20
    assert own.all()
