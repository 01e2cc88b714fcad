"""What a worker process answers: one JSON request a line in, one JSON reply a line out.

Requests: {"do": "about"}; {"do": "losses", "job": "mlp", "steps": 5}; {"do": "burst", "job": "mlp",
"seconds": 0.3}. A reply is {"ok": ...} or {"error": "..."}; nothing else reaches stdout.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Training(Protocol):
    """A model being trained on one job."""

    def step(self) -> Any:
        """One update on the next batch, complete when this returns; what `loss_of` reads."""

    def loss_of(self, made: Any) -> float:
        """The loss before the update that gave `made`."""


Make = Callable[[str, bool], Training]
"""A fresh training of the job of this name, with its dropout or without."""


def serve(about: Callable[[], Mapping[str, str]], make: Make) -> None:
    """Answer requests until stdin ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the replies
    current: dict[str, Training] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply: dict[str, Any] = {"ok": _answer(request, about, make, current)}
        except Exception:
            reply = {"error": traceback.format_exc(limit=4)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _answer(
    request: Mapping[str, Any],
    about: Callable[[], Mapping[str, str]],
    make: Make,
    current: dict[str, Training],
) -> Any:
    if request["do"] == "about":
        return dict(about())
    job = request["job"]
    if request["do"] == "losses":
        training = make(job, False)
        return [training.loss_of(training.step()) for _ in range(request["steps"])]
    if job not in current:
        current.clear()
        current[job] = make(job, True)
    step = current[job].step
    seconds: list[float] = []
    while len(seconds) < 3 or sum(seconds) < request["seconds"]:
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds
