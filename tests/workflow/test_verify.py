"""`verify` where bits do not hold: since when, and whether this machine agrees with itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnctl.report.bisect import verify_lines
from nnctl.workflow.verify import verify
from tests.workflow.planted import planted
from tests.workflow.replayed import local
from tests.workflow.test_bisect import large, train, write_data


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained with a fault in step 15, in its third epoch."""
    folder = tmp_path_factory.mktemp("verify")
    write_data(folder)
    with planted(large(15)):
        return train(folder)


def test_a_run_with_a_fault_of_then(faulty: Path) -> None:
    found = verify(str(faulty), threads=1, start=local({}))
    assert not found.holds
    assert found.numbers is not None
    assert found.numbers.epoch == 3
    assert found.again is not None
    assert found.again.replayed is not None
    assert found.again.replayed.first is None
    head, since, itself, way_on = verify_lines(found)
    assert head == f"{faulty}: does not hold: recorded {found.recorded}, found {found.found}"
    assert since.startswith("the first epoch whose numbers differ: 3 (loss ")
    assert itself.endswith("this machine agrees with itself")
    assert (
        way_on == f"next: nnctl train {faulty}/resolved.yaml --run-dir again && nnctl bisect {faulty} again"
    )
    assert found.as_json()["numbers"]["epoch"] == 3
    assert found.as_json()["again"]["replayed"]["first"] is None


def test_a_machine_that_does_not_agree_with_itself(faulty: Path) -> None:
    found = verify(str(faulty), threads=1, start=local({"B": large(9)}))
    assert found.again is not None
    assert found.again.replayed is not None
    assert found.again.replayed.first is not None
    assert found.again.replayed.first.step == 9
    lines = verify_lines(found)
    assert "does not agree with itself" in lines[2]
    assert "step 9 (epoch 2, its step 3 of 6), forward value of layer second" in lines[3]
    assert lines[-1] == f"next: nnctl bisect {faulty} {faulty} --threads 1"


def test_a_run_of_another_version(faulty: Path, tmp_path: Path) -> None:
    file = faulty / "manifest.json"
    before = file.read_text()
    manifest = json.loads(before)
    manifest["versions"]["nnctl"] = "0.0.7"
    file.write_text(json.dumps(manifest))
    try:
        found = verify(str(faulty), threads=1, data=faulty.parent / "rows.csv", start=local({}))
    finally:
        file.write_text(before)
    data = f" --data {faulty.parent}/rows.csv"
    assert found.next == (
        f"nnctl bisect {faulty} {faulty} --python-a PYTHON{data}, with a Python that has nnctl 0.0.7"
    )
