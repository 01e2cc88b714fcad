"""What a training that is gone through again answers: where it stands, and what a piece of it was like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from nnctl.core.records import record

PROTOCOL = 1
"""Changed with the requests and answers of `replay_process`."""
TAKEN = "value.npy"
"""The file of the array that was asked for last."""


@record
class Mark:
    """Where a training stands.

    Attributes:
        epoch, step_in_epoch: As `TrainingState`'s.
        digest: Of all that the next step depends on.
        ended: `completed`, or what was not finite; empty while there is more to train.
        weights_sha256: Of the trained model, where it is completed.
    """

    step: int
    epoch: int
    step_in_epoch: int
    digest: str
    ended: str = ""
    weights_sha256: str = ""


@record
class Piece:
    """What training up to a mark was like.

    Attributes:
        trail: Of weights, slots and sums of metrics behind each step: what differed and was the same again
            before the mark is seen by it.
        rows: The epochs that ended, as `metrics.jsonl` has them, without their time.
        digests: Their lines as a record has them.
        seconds: What it took in all.
        steps, stepping: Steps but for the first, and what they took.
    """

    mark: Mark
    trail: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    digests: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)
    steps: int = field(default=0, compare=False)
    stepping: float = field(default=0.0, compare=False)
