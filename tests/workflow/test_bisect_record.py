"""`bisect` of a run and a record: what is recorded, and whose bits are found when it is trained again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.report.bisect import bisect_lines
from nnctl.runs.directory import RunDirectory
from nnctl.runs.record import Record
from nnctl.runs.recorded import compare_with_record
from nnctl.workflow.bisect import bisect
from nnctl.workflow.test import write_record
from nnctl.workflow.trial import attempt
from tests.workflow.planted import planted
from tests.workflow.replayed import bisected
from tests.workflow.test_bisect import CONFIG, first_of, large, train, write_data


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run`, `small.record.json` of the same config, and `faulty.record.json`, of a fault in step 15."""
    folder = tmp_path_factory.mktemp("record")
    write_data(folder)
    train(folder)
    write_record(attempt(folder / "small.yaml", threads=1, recording=True))
    (folder / "small.record.json").rename(folder / "good.record.json")
    with planted(large(15)):
        write_record(attempt(folder / "small.yaml", threads=1, recording=True))
    (folder / "small.record.json").rename(folder / "faulty.record.json")
    return folder


@pytest.mark.parametrize("record_first", [False, True])
def test_a_record_of_the_same_bits(record_first: bool, place: Path) -> None:
    sides = [place / "run", place / "good.record.json"]
    found = bisected(*(sides[::-1] if record_first else sides))
    assert not found.differs
    assert found.recorded.causes == ()
    assert found.recorded.same_model
    assert found.agreements is not None
    assert [each.same_model for each in found.agreements] == [True, True]


def test_a_record_of_other_bits(place: Path) -> None:
    """Its first epoch that differs is known before, the layers when the run was trained again."""
    record = place / "faulty.record.json"
    found = bisected(place / "run", record)
    assert found.recorded.digests is not None
    assert (found.recorded.digests.epoch, found.recorded.digests.layers) == (3, ())
    assert found.recorded.same_model is False
    assert found.agreements is not None
    assert [each.holds for each in found.agreements] == [True, False]
    other = found.agreements[1].digests
    assert other is not None
    assert other.epoch == 3
    assert set(other.layers) == {"first", "second", "last"}
    lines = bisect_lines(found)
    assert lines[:2] == [f"A: {place / 'run'}", f"B: {record}"]
    assert "recorded: the first epoch whose numbers differ: 3" in lines
    assert "B recorded other weights of first, second, last, first in epoch 3" in lines
    assert lines[-1] == "what was found now is what A recorded"


def test_an_nnctl_that_comes_to_the_record(place: Path) -> None:
    """As an older version might: the step is found, and both have what they recorded."""
    found = bisected(place / "run", place / "faulty.record.json", {"B": large(15)})
    assert first_of(found).step == 15
    assert found.agreements is not None
    assert [each.holds for each in found.agreements] == [True, True]


def test_causes_by_a_record(place: Path) -> None:
    run = train(place, "seed", CONFIG, "seed=8")
    for sides in ((run, place / "good.record.json"), (place / "good.record.json", run)):
        found = bisected(*sides)
        (cause,) = found.recorded.causes
        seeds = (8, 3) if sides[0] == run else (3, 8)
        assert (cause.kind, cause.name, (cause.a, cause.b)) == ("config", "seed", seeds)
        assert found.replayed is not None
        assert found.replayed.first is None


def test_other_data_by_a_record(place: Path, tmp_path: Path) -> None:
    write_data(tmp_path, seed=1)
    found = bisected(train(tmp_path), place / "good.record.json")
    (cause,) = found.recorded.causes
    assert (cause.kind, cause.name) == ("data", "data.source.path")
    assert found.recorded.digests is not None
    assert found.recorded.digests.epoch == 1


def test_what_was_not_finite_is_not_compared(place: Path, tmp_path: Path) -> None:
    """A run has null for it, a record the digest of what it was."""
    run = shutil.copytree(place / "run", tmp_path / "run")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    rows = [{**json.loads(line), **({"val_loss": None} if at == 1 else {})} for at, line in enumerate(lines)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = Record.read(place / "faulty.record.json")
    found = compare_with_record(RunDirectory(run), record, record_first=False)
    assert found.digests is not None
    assert found.digests.epoch == 3


def test_no_such_thing(place: Path) -> None:
    good = str(place / "good.record.json")
    with pytest.raises(RunError, match="one of both has to be a run"):
        bisect(good, good)
    with pytest.raises(RunError, match="there is no record"):
        bisect(str(place / "run"), str(place / "bad.record.json"))
    (place / "bad.record.json").write_text(json.dumps({"nnctl_record": 1}))
    with pytest.raises(RunError, match="is not a record"):
        bisect(str(place / "run"), str(place / "bad.record.json"))
