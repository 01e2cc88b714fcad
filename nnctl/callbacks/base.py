"""What a callback is: it reads the runner's events and may answer with requests.

A callback is its config; it has no state of its own. What it remembers is a JSON-able dict that the runner
keeps, hands to every call, and puts into each checkpoint, so that patience and best values resume exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from nnctl.core.errors import Problem
from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.core.events import Event, Request, RunClosed

callbacks: Registry[CallbackSpec] = Registry("callback", "nnctl.callbacks")
register = callbacks.register


class CallbackSpec(Spec):
    """A callback's parameters and meaning. Source: keras.callbacks."""

    needs_average: ClassVar[bool] = False
    """Whether it can work only where the optimizer keeps a moving average of the weights."""

    sets_rate: ClassVar[Literal["schedule", "step"] | None] = None
    """Whether it sets the learning rate: of every epoch, or at some moment, once."""

    def start(self) -> dict[str, Any]:
        """The state of a run that begins. A resumed run has the state of its checkpoint instead."""
        return {}

    def fits(self, state: Any) -> bool:
        """Whether `state`, read from a checkpoint, is one that `handle` can go on with.

        It has the keys that `start` gives, with values of their kind; what begins as None may be a number.
        """
        begun = self.start()
        return (
            isinstance(state, dict)
            and list(state) == list(begun)
            and all(_alike(begun[key], state[key]) for key in begun)
        )

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        """React to `event`: change `state` in place, answer requests.

        Raises:
            StorageError: It writes a file and could not.
        """
        raise NotImplementedError

    def closed(self, event: RunClosed) -> Iterable[str]:
        """Finish what was begun outside the run, once all of its files are written; what to tell the user.

        It is called however training ended, also where no event told of that.
        """
        return ()

    def wants_steps(self) -> bool:
        """Whether it must see every `StepEnded`, with its logs filled; others may be spared it."""
        return False

    def profiles(self, step: int) -> bool:
        """Whether it wants the kernel calls of update `step` (counted from 1) timed, in `StepEnded.calls`."""
        return False

    def beside(self, better: Mapping[str, Literal["min", "max"]]) -> Self:
        """The callback to use in a run of whose logs it is known whether less or more is better."""
        return self

    def monitors(self) -> str | None:
        """The log name that it watches and cannot do without, if any."""
        return None

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        """What is wrong with it in a run whose logs have these names; paths are below this callback."""
        return []

    def model_problems(self, layers: Mapping[str, str]) -> list[Problem]:
        """What is wrong with it beside a model of these layers, their types by name; paths as `problems`'."""
        return []


def _alike(begun: Any, value: Any) -> bool:
    """Whether a value of a state is of the kind that it began as."""
    if isinstance(begun, bool):
        return isinstance(value, bool)
    if begun is None or isinstance(begun, int | float):
        number = type(value) is float or (type(value) is int and abs(value) < 1 << 53)
        return number or (value is None and begun is None)
    return isinstance(value, type(begun))


Callback = Annotated[Any, OneOf(callbacks)]
"""A field that takes a callback's name or a mapping with `type`."""
