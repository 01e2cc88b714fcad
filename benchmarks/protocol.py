"""What a worker process answers: one JSON request a line in, one JSON reply a line out.

| `do` | further keys | reply |
| --- | --- | --- |
| `about` | | versions |
| `losses` | `job`, `steps` | the losses of the first steps, without dropout |
| `burst` | `job`, `seconds` | seconds of each training step, for about so long |
| `calls` | `job` | nnctl's kernel calls of a training step, by kind |
| `outputs` | `job`, `batch` | some numbers of what the model says to the first batch |
| `passes` | `job`, `batch`, `seconds` | seconds of each pass forward, for about so long |
| `memory` | | the most megabytes that the process has held so far |

A reply is {"ok": ...} or {"error": "..."}; nothing else reaches stdout.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np

from benchmarks.workloads import WORKLOADS

SHOWN = 1000
"""Numbers of an output that are compared."""


class Training(Protocol):
    """A model being trained on one job."""

    def step(self) -> Any:
        """One update on the next batch, complete when this returns; what `loss_of` reads."""

    def loss_of(self, made: Any) -> float:
        """The loss before the update that gave `made`."""

    def calls(self) -> Any:
        """Where a step's time goes, of a library that tells."""
        raise ValueError("does not tell")


class Inference(Protocol):
    """A model that is asked."""

    def step(self) -> Any:
        """One pass over the batch, complete when this returns; what `outputs_of` reads."""

    def outputs_of(self, made: Any) -> Any:
        """The first output as an array, axes as Keras has them."""


Make = Callable[[str, bool], Training]
"""A fresh training of the job of this name, with its dropout or without."""
Infer = Callable[[str, int], Inference]
"""The model of this name, with its first weights, ready for a batch of this size."""


def _cannot(name: str, batch: int) -> Inference:
    raise ValueError("is only measured in training")


class Server:
    """Answers requests with one model at a time.

    Args:
        about: Versions.
        around: Entered while steps are timed.
    """

    def __init__(
        self,
        about: Callable[[], Mapping[str, str]],
        make: Make,
        infer: Infer = _cannot,
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.about = about
        self.make = make
        self.infer = infer
        self.around = around
        self.current: dict[tuple[Any, ...], Any] = {}

    def answer(self, request: Mapping[str, Any]) -> Any:
        """The reply to one request."""
        match request["do"]:
            case "about":
                return dict(self.about())
            case "memory":
                unit = 1 if sys.platform == "darwin" else 1024
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
            case "losses":
                training = self._training(request["job"], dropout=False)
                return [training.loss_of(training.step()) for _ in range(request["steps"])]
            case "burst":
                return self._timed(self._training(request["job"], dropout=True), request["seconds"])
            case "calls":
                with self.around():
                    return self._training(request["job"], dropout=True).calls()
            case "outputs":
                model = self._model(request["job"], request["batch"])
                numbers = np.asarray(model.outputs_of(model.step()), dtype=np.float64).ravel()
                return numbers[:: -(-len(numbers) // SHOWN)].tolist()
            case "passes":
                return self._timed(self._model(request["job"], request["batch"]), request["seconds"])
        raise ValueError(f"there is no {request['do']}")

    def _training(self, job: str, dropout: bool) -> Training:
        """The job in training; where it drops nothing, the one whose losses were told goes on."""
        drops = dropout and job in WORKLOADS and WORKLOADS[job].drops
        training: Training = self._one(("training", job, drops), lambda: self.make(job, drops))
        return training

    def _model(self, job: str, batch: int) -> Inference:
        model: Inference = self._one(("model", job, batch), lambda: self.infer(job, batch))
        return model

    def _one(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The present model if it is the one asked for, or a fresh one in its place."""
        if key not in self.current:
            self.current.clear()
            self.current[key] = make()
        return self.current[key]

    def _timed(self, model: Training | Inference, enough: float) -> list[float]:
        seconds: list[float] = []
        with self.around():
            began = time.perf_counter()
            while len(seconds) < 3 or time.perf_counter() - began < enough:
                start = time.perf_counter()
                model.step()
                seconds.append(time.perf_counter() - start)
        return seconds


def serve(*parts: Any, **more: Any) -> None:
    """Answer requests until stdin ends; arguments as for `Server`."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the replies
    server = Server(*parts, **more)
    for line in sys.stdin:
        try:
            reply = {"ok": server.answer(json.loads(line))}
        except Exception:
            reply = {"error": traceback.format_exc(limit=4)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
