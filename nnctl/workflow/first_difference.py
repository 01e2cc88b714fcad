"""The first step in which two trainings differ, and in it the first value: found by training both again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from difflib import SequenceMatcher
from typing import Any, Literal

from nnctl.core import events
from nnctl.core.bits import BitDifference, bit_difference
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.program.written import Written
from nnctl.workflow.pieces import Mark, Piece
from nnctl.workflow.replays import Replay, mark_of, piece_of, taken, together, written_of

SHARE = 0.03
"""Of the time, no more than this goes into comparing where both stand."""
_GROWTH = 4
"""A piece has at most so many times the steps of the one before: the first times tell little."""
_PIECES = 20
"""No piece is longer than this part of the training: a difference is looked for in it step by step."""

Values = Sequence[tuple[Written, str]]
When = Literal["start", "step", "after", "end", "once"]


@record
class FirstDifference:
    """Where two trainings first differ.

    Attributes:
        when: At the `start`; within a `step`; `after` it, in what follows the last step of an epoch; at the
            `end` of one of them; or `once`: they differed, and trained from there again they did not.
        step: The step, from 1; 0 at the start.
        epoch, step_in_epoch: Which it is, both from 1.
        value: What was written.
        part: At the `start` and `after` a step: its name in the training's state.
        more: How many other values, or parts, of the step differ too.
        shapes: The value's type and shape on both sides.
        bits: How the two differ, where they are of one shape.
        ended: How both stood at the `end`.
        sides: Who came to other bits than before, where they differed `once`.
    """

    when: When
    step: int
    epoch: int
    step_in_epoch: int
    steps_per_epoch: int
    value: Written | None = None
    part: str = ""
    more: int = 0
    shapes: tuple[str, str] = ("", "")
    bits: BitDifference | None = None
    ended: tuple[str, str] = ("", "")
    sides: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        found = asdict(self)
        return found | {"bits": self.bits.as_json() if self.bits is not None else None}


@record
class Replayed:
    """What became of two trainings that were gone through again.

    Attributes:
        first: Where they differ; None: they have the same bits to the end.
        start: The step that they went on from.
        mark: Where both stand at the end, or where they were last seen to have the same bits.
        rows: The epochs of both, up to there, the first that differs included.
        digests: Their lines as a record has them.
        nnctl: Whose nnctl it was, by side.
    """

    first: FirstDifference | None
    start: int
    mark: Mark
    rows: tuple[tuple[Mapping[str, Any], ...], tuple[Mapping[str, Any], ...]]
    digests: tuple[tuple[str, ...], tuple[str, ...]]
    nnctl: tuple[str, str] = ("", "")


class Search:
    """Two trainings side by side.

    Args:
        replays: Prepared, but at no place yet.
        steps_per_epoch, epochs: Of the first.
        watch: Told how far they are.
    """

    def __init__(
        self, replays: Sequence[Replay], steps_per_epoch: int, epochs: int, watch: Callable[[Event], None]
    ) -> None:
        self.replays = replays
        self.steps_per_epoch = steps_per_epoch
        self.longest = max(1, steps_per_epoch * epochs // _PIECES)
        self.watch = watch
        self.rows: list[list[Mapping[str, Any]]] = [[], []]
        self.digests: list[list[str]] = [[], []]

    def run(self, checkpoints: Sequence[str | None], limit: int | None) -> Replayed:
        """Train both, until they differ or end.

        Args:
            checkpoints: The file from which each goes on; None: from the beginning.
            limit: The last step that is looked at; None: all are.
        """
        for replay, checkpoint in zip(self.replays, checkpoints, strict=True):
            replay.ask("begin", checkpoint=checkpoint)
        at, other = (mark_of(replay.answer()) for replay in self.replays)
        start = at.step
        if at != other:
            first = self._part("start", at, together(self.replays, "parts"))
            return self._replayed(first, start, at)
        steps = 1
        while not at.ended and (limit is None or at.step < limit):
            to = at.step + steps if limit is None else min(at.step + steps, limit)
            began = time.perf_counter()
            pieces = [piece_of(answer) for answer in together(self.replays, "go", to=to)]
            for rows, digests, piece in zip(self.rows, self.digests, pieces, strict=True):
                rows += piece.rows
                digests += piece.digests
            if pieces[0] != pieces[1]:
                return self._replayed(self._within(at, to, pieces), start, at)
            at = pieces[0].mark
            self._tell(pieces[0], time.perf_counter() - began)
            steps = min(self.longest, _GROWTH * steps, max(map(_steps, pieces)))
        return self._replayed(None, start, at)

    def _replayed(self, first: FirstDifference | None, start: int, mark: Mark) -> Replayed:
        rows = tuple(self.rows[0]), tuple(self.rows[1])
        return Replayed(first, start, mark, rows, (tuple(self.digests[0]), tuple(self.digests[1])))

    def _tell(self, piece: Piece, seconds: float) -> None:
        for row in piece.rows:
            logs = {name: math.nan if value is None else value for name, value in row.items()}
            epoch, step = int(logs.pop("epoch")), int(logs.pop("step"))
            self.watch(events.EpochEnded(epoch, step, logs, seconds / len(piece.rows)))
        mark = piece.mark
        self.watch(events.StepEnded(mark.epoch, mark.step, mark.step_in_epoch, self.steps_per_epoch, {}))

    def _within(self, at: Mark, to: int, pieces: Sequence[Piece]) -> FirstDifference:
        """The first difference in a piece behind `at` at whose end they differ."""
        together(self.replays, "back")
        marks = [[mark_of(each) for each in answer] for answer in together(self.replays, "each", to=to)]
        same = next((n for n, pair in enumerate(zip(*marks, strict=False)) if pair[0] != pair[1]), None)
        count = min(map(len, marks)) if same is None else same
        before = marks[0][count - 1] if count else at
        now = [own[count] if count < len(own) else None for own in marks]
        if now == [None, None]:
            return self._once(before, pieces, [own[-1] for own in marks])
        if any(mark is None or mark.ended == "completed" for mark in now):
            ended = tuple("goes on" if mark is None else mark.ended or "goes on" for mark in now)
            return self._found("end", before, ended=(ended[0], ended[1]))
        together(self.replays, "back")
        if count:
            again = [piece_of(answer).mark for answer in together(self.replays, "go", to=before.step)]
            if again[0] != again[1]:
                return self._found("once", before)
        return self._in_step(before)

    def _in_step(self, before: Mark) -> FirstDifference:
        """The first difference in the step behind `before`, or in what follows it."""
        values = [written_of(answer) for answer in together(self.replays, "trace", take=None)]
        found = _differing(*values)
        if not found:
            return self._part("after", before, together(self.replays, "parts"))
        together(self.replays, "back")
        for replay, take in zip(self.replays, found[0], strict=True):
            replay.ask("trace", take=take)
        for replay in self.replays:
            replay.answer()
        value = values[0][found[0][0]][0]
        return self._found("step", before, value=value, more=len(found) - 1, **self._arrays())

    def _part(self, when: When, before: Mark, digests: Sequence[Mapping[str, str]]) -> FirstDifference:
        """A part of the state in which they differ."""
        one, other = digests
        names = [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]
        if not names:
            return self._found("once", before)
        both = names[0] in one and names[0] in other
        if both:
            together(self.replays, "part", name=names[0])
        told = self._arrays() if both else {}
        return self._found(when, before, part=names[0], more=len(names) - 1, **told)

    def _once(self, before: Mark, pieces: Sequence[Piece], now: Sequence[Mark]) -> FirstDifference:
        """They differed and do so no more: who came to other bits?"""
        sides = [
            replay.task.side
            for replay, piece, mark in zip(self.replays, pieces, now, strict=True)
            if piece.mark.digest != mark.digest
        ]
        return self._found("once", before, sides=tuple(sides))

    def _arrays(self) -> dict[str, Any]:
        """How the arrays differ that both wrote last."""
        one, other = (taken(replay) for replay in self.replays)
        if one is None or other is None:
            return {}
        shapes = (f"{one.dtype}{list(one.shape)}", f"{other.dtype}{list(other.shape)}")
        return {"shapes": shapes, "bits": bit_difference(one, other) if shapes[0] == shapes[1] else None}

    def _found(self, when: When, before: Mark, **more: Any) -> FirstDifference:
        within = when in ("step", "after")
        return FirstDifference(
            when,
            before.step + within,
            before.epoch + 1,
            before.step_in_epoch + within,
            self.steps_per_epoch,
            **more,
        )


def _steps(piece: Piece) -> int:
    """How many steps a piece should have so that comparing takes little of its time."""
    if not piece.steps or not piece.stepping:
        return _GROWTH
    step = piece.stepping / piece.steps
    beside = max(0.0, piece.seconds - step * (piece.steps + 1))
    return max(1, math.ceil(beside / (SHARE * step)))


def _differing(a: Values, b: Values) -> list[tuple[int, int]]:
    """The numbers of the values on both sides that differ, the first one first.

    Two versions of nnctl may have other ops, or another order of them: what only one has is passed over.
    """
    keys = [[_key(written) for written, _ in values] for values in (a, b)]
    if keys[0] == keys[1]:
        pairs = [(n, n) for n in range(len(a))]
    else:
        blocks = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks()
        pairs = [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]
    return [(n, m) for n, m in pairs if a[n][1] != b[m][1]]


def _key(written: Written) -> tuple[str, str, str, int]:
    return written.kind, written.layer, written.name, written.output
