"""A study's slots: every one is taken once, given back where its worker dies, and settled once."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core.errors import RunError, StorageError
from nnctl.workflow.sweep.board import DEATHS, TOLD, Board, Taken
from nnctl.workflow.sweep.results import best_of, trials_of
from nnctl.workflow.sweep.samplers import suggest
from nnctl.workflow.sweep.storage import STORAGE, JournalLock, open_storage
from tests.workflow.sweeping import board, study

pytest.importorskip("optuna")


def take(of: Board) -> Taken:
    """Take a trial, which must be there, with its setting."""
    taken = of.take()
    assert taken is not None
    suggest(taken.trial, "a.b", of.study.sweep.every()["a.b"])
    return taken


def drop(taken: Taken) -> None:
    """As the system does where a worker is killed."""
    taken.claim.release()


def test_slots_are_filled_once_and_taken_once(tmp_path: Path) -> None:
    one, two = board(tmp_path), board(tmp_path)
    one.fill()
    two.fill()
    taken = [take(one), take(two), take(one)]
    assert [each.slot for each in taken] == [0, 1, 2]
    assert one.take() is None
    assert two.take() is None
    for each, value in zip(taken, (3.0, 1.0, 2.0), strict=True):
        assert one.settle(each, "completed", value, {"settings": {}})
    found = trials_of(two)
    assert [trial.value for trial in found] == [3.0, 1.0, 2.0]
    best = best_of(found, "minimize")
    assert best is not None
    assert best.number == 2
    most = best_of(found, "maximize")
    assert most is not None
    assert most.number == 1
    assert not two.anybody()


def test_a_dead_workers_trial_is_given_back_with_its_settings(tmp_path: Path) -> None:
    one, two = board(tmp_path), board(tmp_path)
    one.fill()
    taken = take(one)
    before = taken.trial.params
    two.give_back_dead()
    assert trials_of(two)[0].outcome == "running"
    drop(taken)
    two.give_back_dead()
    one.give_back_dead()
    two.fill()
    again = take(two)
    assert (again.slot, again.trial.params) == (0, before)
    # The worker was not dead after all: what it found comes too late, and changes nothing.
    assert not one.settle(taken, "completed", 9.0, {"settings": {}})
    assert not one.beat(taken, 1)
    assert two.settle(again, "completed", 1.0, {"settings": {}})
    told = trials_of(one)[0]
    assert (told.value, told.attempts) == (1.0, 2)


def test_who_dies_between_giving_up_and_another_attempt_loses_nothing(tmp_path: Path) -> None:
    one = board(tmp_path)
    one.fill()
    taken = take(one)
    drop(taken)
    assert one._set(taken.trial, "FAIL")
    assert 0 not in [one.take().slot for _ in range(2)]  # type: ignore[union-attr]
    board(tmp_path).fill()
    again = take(one)
    assert (again.slot, again.trial.params) == (0, taken.trial.params)


def test_two_attempts_that_wait_are_one_trial(tmp_path: Path) -> None:
    of = study(1)
    one, two = board(tmp_path, of=of), board(tmp_path, key="there", of=of)
    one.fill()
    one._enqueue(0, {}, 0)
    first = take(one)
    assert two.take() is None
    drop(first)
    assert one.settle(first, "completed", 1.0, {"settings": {}})
    assert two.take() is None
    two.fill()
    assert not two.anybody()
    assert [trial.outcome for trial in trials_of(two)] == ["completed"]


def test_other_machines_are_dead_once_they_are_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = board(tmp_path, key="there"), board(tmp_path, grace=30)
    now = [0.0]
    monkeypatch.setattr("nnctl.workflow.sweep.board.time.monotonic", lambda: now[0])
    one.fill()
    taken = take(one)
    drop(taken)
    for now[0], beat in ((0.0, 1), (29.0, 2), (50.0, None), (58.0, None)):
        if beat is not None:
            one.beat(taken, beat)
        two.give_back_dead()
        assert trials_of(two)[0].outcome == "running"
    now[0] = 60.0
    two.give_back_dead()
    assert trials_of(two)[0].outcome == "waiting"


def test_what_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    of = study(1)
    for _ in range(DEATHS + 1):
        one = board(tmp_path, of=of)
        one.fill()
        drop(take(one))
        one.give_back_dead()
    one.fill()
    assert one.take() is None
    (told,) = trials_of(one)
    assert (told.outcome, told.reason) == ("error", f"its worker died {DEATHS + 1} times")


def test_who_dies_before_the_last_word_loses_nothing(tmp_path: Path) -> None:
    one = board(tmp_path, of=study(1))
    one.fill()
    taken = take(one)
    one._attr(taken.trial, TOLD, {"outcome": "completed"})
    drop(taken)
    one.give_back_dead()
    assert take(one).slot == 0


def test_a_study_of_something_else(tmp_path: Path) -> None:
    board(tmp_path)
    other = study().__class__(**{**vars(study()), "identity": {"config": "other", "data": "d"}})
    with pytest.raises(RunError, match="the study 's' is of another config; use another --study"):
        board(tmp_path, of=other)


def test_a_storage_that_is_gone_says_nothing_of_its_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv(STORAGE, "postgresql://somebody:s3cret@127.0.0.1:1/nothing")
    monkeypatch.setattr("nnctl.workflow.sweep.storage.time.sleep", lambda seconds: None)
    with pytest.raises(StorageError, match="does not answer") as caught:
        open_storage(tmp_path)
    told: BaseException | None = caught.value
    assert caught.value.__suppress_context__
    for word in ("s3cret", "somebody", "127.0.0.1", "nothing"):
        assert word not in str(told)


def test_a_line_that_was_left_half_written_is_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    for text, kept in ((b'{"a": 1}\n{"b', b'{"a": 1}\n'), (b'{"a', b""), (b'{"a": 1}\n', b'{"a": 1}\n')):
        file.write_bytes(text)
        lock = JournalLock(file)
        assert lock.acquire()
        lock.release()
        assert file.read_bytes() == kept
