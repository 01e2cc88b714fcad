"""What the calls of a step write, told value by value in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Node, Value
from nnctl.program.listing import op_text

if TYPE_CHECKING:
    from nnctl.program.bind import Bound
    from nnctl.program.session import Session

Kind = Literal["input", "forward", "gradient", "update", "check", "evaluation"]


@record
class Written:
    """A value of a step.

    Attributes:
        kind: What it is; an `input` is there before the first call of its program.
        name: An input's, a gradient's, a weight's or a state's; empty for what has none.
        output: Which of the op's outputs it is, from 0.
        layer: The layer, loss, metric or optimizer that it is of.
        op: What made it, with its attributes; the kernels that ran.
    """

    kind: Kind
    name: str
    output: int = 0
    layer: str = ""
    op: str = ""
    kernels: tuple[str, ...] = ()


See = Callable[[Written, Array], None]


class WrittenValues:
    """Tells `see` every value, for `Session.watch_calls`. An array is valid until `see` returns."""

    def __init__(self, session: Session, see: See) -> None:
        self.session = session
        self.see = see
        self._program: Bound | None = None
        self._at = -1
        self._last: dict[Node, int] = {}
        """The number of each node's last call: before it has run, outputs are not whole."""

    def __call__(self, program: Bound, at: int, run: Callable[[], None]) -> None:
        if program is not self._program or at <= self._at:
            self._begin(program)
        run()
        self._at = at
        node = program.sources[at]
        if self._last[node] == at:
            for written, array in self._written(program, node):
                self.see(written, array)

    def _begin(self, program: Bound) -> None:
        if program is not self._program:
            self._last = {node: at for at, node in enumerate(program.sources)}
        self._program = program
        for name, array in program.inputs.items():
            self.see(Written("input", name), array)
        for value, array in program.buffers.items():
            # The numbers of the step, its learning rate among them, are no part of what a checkpoint holds.
            if value.node is None and (value.name or "").endswith("hyper"):
                self.see(Written("input", str(value.name)), array)

    def _written(self, program: Bound, node: Node) -> Iterator[tuple[Written, Array]]:
        """What a node wrote: its outputs, then the variables that it changed."""
        made = self.session.program_of(program)
        compiled = self.session.compiled(made)
        calls = zip(program.calls, program.sources, strict=True)
        kernels = tuple(dict.fromkeys(call[0].__name__ for call, source in calls if source is node))
        op, slices = op_text(node.op), compiled.graph.slices
        for number, out in enumerate(node.outputs):
            name = compiled.pinned.get(out, "")
            value = out if slices is None else slices.wholes.get(out, out)
            kind = _kind(made.name, out in compiled.graph.gradients or name.startswith("gradient:"))
            if value in program.buffers:
                yield Written(kind, name, number, node.origin, op, kernels), program.buffers[value]
        for at in node.op.mutates:
            for name, layer, array in self._variable(node.inputs[at], program):
                yield Written(_kind(made.name, False), name, 0, layer or node.origin, op, kernels), array

    def _variable(self, value: Value, program: Bound) -> Iterator[tuple[str, str, Array]]:
        """A variable's name, layer and array; of a flat one those of each weight in it."""
        array = program.buffers[value]
        while value.node is not None and value.node.op.view:
            value = value.node.inputs[0]
        name = value.name or ""
        for stretch in self.session.stretches:
            if name not in stretch.memory(self.session.weights) or array.size != stretch.starts[-1]:
                continue
            for weight, start in zip(stretch.names, stretch.starts, strict=False):
                like = self.session.weights.arrays[weight]
                part = array[start : start + like.size].reshape(like.shape)
                own = name.removeprefix(stretch.prefix).removeprefix("slot:")
                yield f"{own}:{weight}", self.session.model.weights[weight].owner, part
            return
        yield name, "", array


def _kind(program: str, gradient: bool) -> Kind:
    """What a value of a program is, by the program's name."""
    match program:
        case "training":
            return "gradient" if gradient else "forward"
        case "check":
            return "check"
        case "evaluation":
            return "evaluation"
    return "update"
