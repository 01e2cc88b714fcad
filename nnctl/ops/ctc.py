"""How improbable it is that steps spell a sequence of labels (connectionist temporal classification)."""

from __future__ import annotations

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value, dummy
from nnctl.ops.parallel import widened


@record
class CtcLoss(Op):
    """Loss (N,) and the paths' forward logarithms (N, T, 2L + 1).

    Inputs: log-probabilities (N, T, C), class numbers (N, L), then a mask (N, T) uint8 where there is one.
    """

    def infer(self, *inputs: TensorType) -> Types:
        p, labels, *mask = inputs
        fits = len(p.shape) == 3 and len(labels.shape) == 2 and labels.shape[0] == p.shape[0]
        if not fits or not labels.dtype.startswith("int") or any(m.shape != p.shape[:2] for m in mask):
            raise ValueError(f"labels {labels} and masks {mask} do not fit steps {p}")
        paths = (*p.shape[:2], 2 * labels.shape[1] + 1)
        return TensorType(p.shape[:1], p.dtype), TensorType(paths, p.dtype)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        nothing = [None] * (len(node.inputs) - 1)
        if dys[0] is None:
            return [None, *nothing]
        p, labels, *mask = node.inputs
        return [p.graph.add1(CtcLossGrad(), p, labels, *node.outputs, dys[0], *mask), *nothing]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        p, labels = inputs[:2]
        kernel = widened("ctc.ctc_loss", 8 * outputs[1].size, threads)
        return (KernelCall(kernel, (p, labels, *_mask(inputs[2:]), *outputs)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 8 * outputs[1].size


@record
class CtcLossGrad(Op):
    """dp (N, T, C) of CtcLoss from p, labels, loss, paths, dloss, and the mask where there is one."""

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        paths = inputs[3]
        return 2 * paths.nbytes // paths.shape[1]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        p, labels, loss, paths, dloss = inputs[:5]
        work = scratch.view(p.dtype).reshape(len(p), 2, paths.shape[2])
        kernel = widened("ctc.ctc_loss_grad", 8 * paths.size, threads)
        args = (p, labels, *_mask(inputs[5:]), loss, paths, dloss, work, outputs[0])
        return (KernelCall(kernel, args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 12 * inputs[3].size


def _mask(given: Arrays) -> tuple[Array, int]:
    """The mask and whether there is one."""
    return (given[0], 1) if given else (dummy("uint8", 2), 0)


def ctc_loss(p: Value, labels: Value, mask: Value | None) -> Value:
    """The loss (N,) of log-probabilities (N, T, C), class 0 the blank, and labels (N, L), 0 behind them."""
    given = () if mask is None else (mask,)
    return p.graph.add(CtcLoss(), p, labels, *given)[0]
