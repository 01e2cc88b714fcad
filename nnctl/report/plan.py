"""`nnctl plan` as text."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.numbers import duration, size
from nnctl.program.listing import Line
from nnctl.report.tables import table, terminal_width
from nnctl.workflow.plan import Plan
from nnctl.workflow.scale import Scale


def plan_lines(plan: Plan, *, program: bool = False) -> list[str]:
    """Layers, totals and memory; with `program`, the kernel calls of a training step."""
    rows = [
        (
            layer.name,
            layer.type,
            ", ".join(layer.inputs),
            layer.output,
            "shared" if layer.shared else f"{layer.parameters:,}",
            f"{layer.flops:,}",
        )
        for layer in plan.layers
    ]
    threads = f"{plan.threads} thread{'s' * (plan.threads != 1)}"
    lines = [f"{plan.name}: {plan.dtype}, batch size {plan.batch_size}, {threads}", ""]
    lines += table(("layer", "type", "reads", "output", "parameters", "FLOPs an example"), rows, right=(4, 5))
    memory = plan.memory
    lines += [
        "",
        f"parameters  {plan.parameters:,} ({plan.trainable:,} trainable, "
        f"{plan.parameters - plan.trainable:,} not)",
        f"a step      {plan.flops:,} FLOPs (forward, gradients, update)",
        f"the run     {plan.steps_per_epoch:,} steps x {plan.epochs:,} epochs = "
        f"{plan.steps_per_epoch * plan.epochs:,} steps",
        "",
        "memory",
    ]
    named = (
        ("weights", memory.weights),
        ("gradients", memory.gradients),
        ("optimizer slots", memory.optimizer),
        ("arena (exact peak)", memory.arena),
        ("metric states", memory.states),
        ("data", memory.data),
        ("kept weights", memory.kept),
        ("total", memory.total),
    )
    full = [f"  {name:<20}{size(count):>12}  {count:>14,} bytes" for name, count in named]
    width = terminal_width()
    # Where a terminal is too narrow for both, the rounded sizes stay; --json has the bytes.
    narrow = width is not None and max(map(len, full)) > width
    lines += [line[:34] for line in full] if narrow else full
    if program:
        lines += ["", *program_lines(plan.step)]
    return lines


def scale_lines(found: Sequence[Scale], bandwidth: str, latency: str) -> list[str]:
    """A row for each number of processes."""
    alone = found[0].step
    rows = [
        (
            scale.ranks,
            scale.shards,
            duration(scale.step),
            f"{alone / scale.step:.2f}",
            f"{scale.share:.0%}",
            size(scale.sent),
            size(scale.memory),
            duration(scale.step * scale.steps),
        )
        for scale in found
    ]
    header = ("ranks", "shards each", "a step", "faster", "waiting", "sent", "memory each", "an epoch")
    head = f"in several processes, {bandwidth} and {latency} apart (computing: measured, waiting: predicted)"
    return ["", head, *table(header, rows, right=range(8))]


def program_lines(step: Sequence[Line]) -> list[str]:
    """One line an op: outputs, what makes them from what, for which layer, where in the arena."""
    rows = []
    for number, line in enumerate(step):
        outputs = ", ".join(line.outputs) or "(writes its input)"
        place = "" if line.offset is None else f"@{line.offset}"
        rows.append((number, line.origin, outputs, f"{line.op} <- {', '.join(line.inputs)}", place))
    return table(("#", "for", "makes", "by", "arena"), rows, right=(0,))
