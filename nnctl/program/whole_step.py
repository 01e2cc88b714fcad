"""The programs of one step, run as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnctl.program.bind import Bound

if TYPE_CHECKING:
    from nnctl.kernels.chain import Chain


class WholeStep:
    """Training, check and update (or only gathering), one after the other.

    Compiled calls of all three are one chain, so that a small step is one call from Python.
    """

    def __init__(self, training: Bound, check: Bound, update: Bound) -> None:
        self.training, self.check, self.update = training, check, update
        self._chain = _joined(list(self.programs().values()))

    def programs(self) -> dict[str, Bound]:
        """The programs in order, by what they are called where they are timed."""
        return {"training": self.training, "check": self.check, "update": self.update}

    def run(self) -> None:
        """Run the step.

        Raises:
            FloatingPointError: the loss or a gradient is not finite; the update has not run.
        """
        if self._chain is None or self.update.tenant.watch is not None:
            for program in self.programs().values():
                program.run()
            return
        self.update.tenant.program = self.update
        self._chain.run_all()


def _joined(programs: list[Bound]) -> Chain | None:
    """All calls as one chain; None where they are not compiled, or some run only in some steps."""
    if any(program.runner is None or program.stretches is not None for program in programs):
        return None
    from nnctl.kernels.chain import joined

    return joined([program.runner for program in programs])
