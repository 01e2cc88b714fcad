"""`plan`: layers, shapes, parameters, FLOPs and memory of a run, before its first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl.core.errors import Problem
from nnctl.core.records import record
from nnctl.core.shapes import show
from nnctl.core.threads import thread_count
from nnctl.program.bind import Compiled
from nnctl.program.listing import Line, listing
from nnctl.program.programs import (
    FiniteCheckProgram,
    PredictionProgram,
    Program,
    TrainingProgram,
    UpdateProgram,
)
from nnctl.workflow.assemble import Assembled, assemble
from nnctl.workflow.final import final_programs
from nnctl.workflow.placed import placed, refuse_warnings
from nnctl.workflow.planned import Memory, planned_memory
from nnctl.workflow.train import make_job, programs_of


@record
class LayerPlan:
    """One row of the plan."""

    name: str
    type: str
    inputs: tuple[str, ...]
    output: str
    parameters: int
    trainable: int
    flops: int
    """Of the forward pass, one example."""
    shared: bool


@record
class Plan:
    """What `nnctl plan` shows."""

    name: str
    dtype: str
    threads: int
    batch_size: int
    steps_per_epoch: int
    epochs: int
    layers: Sequence[LayerPlan]
    parameters: int
    trainable: int
    flops: int
    """Of one training step: forward, gradients, update."""
    memory: Memory
    programs: Mapping[str, int]
    """The arena each program of the run needs, in bytes."""
    step: Sequence[Line]
    """The kernel calls of a training step."""
    warnings: tuple[Problem, ...] = ()

    def as_json(self, *, program: bool) -> dict[str, Any]:
        """What `--json` prints."""
        data = asdict(self)
        data["memory"]["total"] = self.memory.total
        del data["warnings"]
        data["problems"] = [warning.as_json() for warning in self.warnings]
        if not program:
            del data["step"]
        return data


def plan(
    config: Path,
    *,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    strict: bool = False,
) -> Plan:
    """Plan the training of a config: everything is laid out, nothing is run.

    Raises:
        ConfigError: the config is wrong; with `strict`, warnings are, too.
        DataError: the data cannot be used.
    """
    assembled = assemble(config, overrides=overrides, seed=seed, allow_plugins=allow_plugins)
    if strict:
        refuse_warnings(assembled.warnings)
    return plan_assembled(assembled, thread_count(threads))


def plan_assembled(assembled: Assembled, count: int) -> Plan:
    """Plan the training of an experiment on so many threads.

    Raises:
        ConfigError: a layer cannot take the sizes.
    """
    session = assembled.session(count, runs=False)
    job = make_job(assembled, session)
    with placed(assembled.loaded):
        programs = [*programs_of(job), *final_programs(assembled)]
        compiled = {_label(program): session.compiled(program) for program in programs}
        training = session.compiled(TrainingProgram(job.train.sizes(*job.training_kinds()[0])))
        forward = session.compiled(PredictionProgram(job.train.sizes(1)))
    model = assembled.model
    trainable, frozen = model.parameters()
    update = session.compiled(UpdateProgram())
    return Plan(
        name=job.name,
        dtype=session.dtype,
        threads=count,
        batch_size=job.batches.size,
        steps_per_epoch=job.batches.steps,
        epochs=job.epochs,
        layers=_layers(assembled.model, forward),
        parameters=trainable + frozen,
        trainable=trainable,
        flops=_flops(training) + _flops(update),
        memory=planned_memory(job, max(c.plan.size for c in compiled.values()), assembled.data.nbytes),
        programs={label: c.plan.size for label, c in compiled.items()},
        step=[*listing(training), *listing(session.compiled(FiniteCheckProgram())), *listing(update)],
        warnings=assembled.warnings,
    )


def _label(program: Program) -> str:
    shapes = ", ".join(f"{name} {show(shape)}" for name, shape in program.sizes.items())
    return f"{program.name} {shapes}".strip()


def _flops(compiled: Compiled) -> int:
    return sum(
        node.op.flops([v.type for v in node.inputs], [v.type for v in node.outputs])
        for node in compiled.graph.nodes
    )


def _layers(model: Any, forward: Compiled) -> list[LayerPlan]:
    flops: dict[str, int] = {}
    for node in forward.graph.nodes:
        cost = node.op.flops([v.type for v in node.inputs], [v.type for v in node.outputs])
        flops[node.origin] = flops.get(node.origin, 0) + cost
    rows = []
    for node in model.nodes:
        shared = node.owner != node.name
        weights = [] if shared else list(model.weights_of(node.owner))
        rows.append(
            LayerPlan(
                name=node.name,
                type=type(node.layer).__name__,
                inputs=tuple(r.name if r.index == 0 else f"{r.name}:{r.index}" for r in node.inputs),
                output=" ".join(show(shape) for shape in node.output_shapes),
                parameters=sum(w.size for w in weights),
                trainable=sum(w.size for w in weights if w.trainable),
                flops=flops.get(node.name, 0),
                shared=shared,
            )
        )
    return rows
