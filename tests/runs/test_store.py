"""The store: what stays, what is found, what is passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.runs.model_file import Gone, ModelFile
from nnctl.runs.store import Checkpoint, CheckpointStore, NewestCheckpoint, PassedOver, safe_name
from nnctl.storage.hdf5_reader import FileRefused
from tests.storage.faults import FaultyDisk

from .examples import example_model, expected_of


def names(store: CheckpointStore) -> list[str]:
    return sorted(p.name for p in store.directory.iterdir())


def test_the_newest_and_the_best_stay(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "ck", keep=2)
    for step in (2, 4, 6, 8, 10):
        store.commit(example_model(step), best=step in (2, 4))
    assert names(store) == ["step-00000004.best.h5", "step-00000008.h5", "step-00000010.h5"]
    assert store.latest().step == 10
    assert store.best().step == 4
    store.commit(example_model(12), best=True)
    assert names(store) == ["step-00000010.h5", "step-00000012.best.h5"]


def test_order_is_by_step_and_not_by_time(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    for step in (3, 99999999, 100000000):
        store.commit(example_model(step))
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1 + 1000 * ("03" in path.name)))
    assert [c.step for c in store.checkpoints()] == [100000000, 99999999, 3]
    assert store.load().model.state.step == 100000000


def best_model(step: int) -> ModelFile:
    """A best model that was kept for itself: its weights, and not what training needs."""
    model = example_model(step)
    model.state.complete = False
    return model


def test_a_best_model_alone_is_no_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    """It counts for nothing but the best: not among the newest, nor for loading; the next one replaces it."""
    store = CheckpointStore(tmp_path, keep=2)
    for step in (3, 5):
        store.commit(example_model(step))
    store.commit(best_model(6), best=True)
    assert names(store) == ["step-00000003.h5", "step-00000005.h5", "step-00000006.best-model.h5"]
    assert store.best() is not None
    assert store.best().step == 6
    assert store.latest().step == 5
    assert store.find("best").name == "step-00000006.best-model.h5"
    assert store.load().model.state.step == 5
    store.commit(example_model(7))
    assert names(store) == ["step-00000005.h5", "step-00000006.best-model.h5", "step-00000007.h5"]
    store.commit(best_model(8), best=True)
    assert names(store) == ["step-00000005.h5", "step-00000007.h5", "step-00000008.best-model.h5"]
    store.commit(example_model(9), best=True)
    assert names(store) == ["step-00000007.h5", "step-00000009.best.h5"]
    with pytest.raises(RunError):
        safe_name("step-00000009.best-model.h5")


def test_a_best_model_does_not_take_the_place_of_the_state_at_its_step(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    store.commit(example_model(5))
    store.commit(best_model(5), best=True)
    assert names(store) == ["step-00000005.best-model.h5", "step-00000005.h5"]
    assert store.load().model.state.complete
    store.commit(example_model(5), best=True)
    assert names(store) == ["step-00000005.best.h5"]


def test_twice_at_one_step(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.commit(example_model(5))
    store.commit(example_model(5), best=True)
    assert names(store) == ["step-00000005.best.h5"]
    store.commit(example_model(5, scale=2.0))  # e.g. the best weights put back: another state
    assert names(store) == ["step-00000005.best.h5", "step-00000005.h5"]
    kernel = store.load().model.state.weights["dense/kernel"]
    assert (kernel == example_model(5, scale=2.0).state.weights["dense/kernel"]).all()


def test_damaged_ones_are_passed_over_by_name(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    for step in (1, 2, 3):
        store.commit(example_model(step))
    (tmp_path / "step-00000003.h5").write_bytes(b"")
    data = bytearray((tmp_path / "step-00000002.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "step-00000002.h5").write_bytes(data)
    loaded = store.load()
    assert loaded.model.state.step == 1
    assert [p.path.name for p in loaded.passed_over] == ["step-00000003.h5", "step-00000002.h5"]
    assert "damaged" in loaded.passed_over[1].reason
    assert store.newest_intact()[0] == loaded.path
    store.set_aside(loaded)
    assert names(store) == ["step-00000001.h5", "step-00000002.h5.damaged", "step-00000003.h5.damaged"]
    store.commit(example_model(2))
    assert [c.step for c in store.checkpoints()] == [2, 1]


def test_none_intact_never_means_starting_again(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.commit(example_model(1))
    (tmp_path / "step-00000001.h5").write_bytes(b"x")
    with pytest.raises(RunError, match=r"no checkpoint .* is intact: step-00000001\.h5"):
        store.load()


def test_an_empty_store(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "none")
    assert store.checkpoints() == []
    assert store.load().model is None
    assert store.clean() == []
    with pytest.raises(RunError, match="there: none"):
        store.find("latest")


def test_one_that_does_not_fit_the_model_is_an_error(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.commit(example_model(1))
    expected = expected_of(example_model(1))
    expected.pop("count")
    with pytest.raises(FileRefused, match="count"):
        store.load(expected)


def test_named_checkpoints_stay(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    store.commit_as("sub/{}-0.25", example_model(1))
    for step in (1, 2, 3):
        store.commit(example_model(step))
    assert (tmp_path / "sub" / "{}-0.25.h5").is_file()
    assert store.find("latest").name == "step-00000003.h5"
    assert store.find("step-00000003").name == "step-00000003.h5"
    with pytest.raises(RunError, match=r"no checkpoint 'best' \(there: step-00000003\.h5\)"):
        store.find("best")


@pytest.mark.parametrize("name", ["/x", "../x", "a/../../x", ".x", "step-00000003.h5", "a\0b", "latest"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(RunError, match="cannot be named"):
        safe_name(name)


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "step-3.h5", "step-00000003.h5.bak", ".step-00000003.h5.77.tmp"):
        (tmp_path / name).write_text("x")
    store = CheckpointStore(tmp_path)
    assert store.checkpoints() == []
    assert [p.name for p in store.clean()] == [".step-00000003.h5.77.tmp"]
    assert names(store) == ["notes.txt", "step-00000003.h5.bak", "step-3.h5"]


def test_how_many_stay(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    for step in range(1, 6):
        store.commit(example_model(step))
    assert [c.step for c in store.checkpoints()] == [5, 4, 3]
    with pytest.raises(ValueError, match="at least one checkpoint"):
        CheckpointStore(tmp_path, keep=0)


def test_a_checkpoint_that_is_gone_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty times: a run that is training has a newer one by then."""
    store = CheckpointStore(tmp_path)
    for step in (1, 2):
        store.commit(example_model(step))
    looked = []

    def removed(gone: int) -> Callable[[Path, Path | None], str]:
        def check(path: Path, root: Path | None) -> str:
            looked.append(path.name)
            if len(looked) <= gone:
                raise Gone("gone")
            return ""

        return check

    monkeypatch.setattr("nnctl.runs.store.check_hash", removed(19))
    assert store.newest_intact() == (tmp_path / "step-00000002.h5", ())
    looked.clear()
    monkeypatch.setattr("nnctl.runs.store.check_hash", removed(99))
    with pytest.raises(RunError, match="are removed faster than they can be read"):
        store.newest_intact()
    assert looked == ["step-00000002.h5"] * 20


def test_setting_aside_reaches_the_platter(tmp_path: Path) -> None:
    disk = FaultyDisk()
    store = CheckpointStore(tmp_path, disk=disk)
    store.set_aside(NewestCheckpoint(None, None))
    assert disk.operations == []
    (tmp_path / "a").write_bytes(b"x")
    store.set_aside(NewestCheckpoint(None, None, (PassedOver(tmp_path / "a", "damaged"),)))
    assert disk.operations == ["replace", "sync_directory"]
    assert names(store) == ["a.damaged"]


def test_of_one_step_the_one_to_go_on_from_comes_first(tmp_path: Path) -> None:
    for name in (
        "step-00000005.best-model.h5",
        "step-00000005.best.h5",
        "step-00000005.h5",
        "step-00000004.h5",
    ):
        (tmp_path / name).write_bytes(b"x")
    store = CheckpointStore(tmp_path)
    assert [c.path.name for c in store.checkpoints()] == [
        "step-00000005.h5",
        "step-00000005.best.h5",
        "step-00000005.best-model.h5",
        "step-00000004.h5",
    ]
    (tmp_path / "step-00000005.h5").unlink()
    (tmp_path / "step-00000005.best.h5").unlink()
    assert store.latest() == Checkpoint(tmp_path / "step-00000004.h5", 4, best=False)


def test_going_back_to_an_older_step_leaves_the_newer_ones(tmp_path: Path) -> None:
    """What another attempt committed later is not counted, so that what is committed now stays."""
    store = CheckpointStore(tmp_path, keep=1)
    store.commit(example_model(9))
    for step in (3, 4):
        store.commit(example_model(step))
    assert names(store) == ["step-00000004.h5", "step-00000009.h5"]
