"""Events in words: the lines that the live display and the log share."""

from __future__ import annotations

from nnctl.core import events
from nnctl.core.events import Event
from nnctl.core.numbers import columns, duration
from nnctl.report.errors import problem_lines
from nnctl.report.evaluation import evaluation_lines


def started_lines(event: events.RunStarted) -> list[str]:
    """What is trained, and where it goes on."""
    where = f" in {event.run_dir}" if event.run_dir else ""
    lines = [f"{event.name}: {event.parameters:,} parameters, {event.steps_per_epoch} steps an epoch{where}"]
    if event.step:
        lines.append(f"resumed at epoch {event.epoch + 1}, step {event.step}")
    return lines


def message_lines(event: Event) -> list[str]:
    """The lines that both displays give for the rarer events."""
    match event:
        case events.LearningRateChanged(step, rate, reason):
            return [f"step {step}: learning rate {rate:.6g} ({reason})"]
        case events.Stopped(epoch, step, reason):
            return [f"stopped after epoch {epoch}, step {step}: {reason}"]
        case events.Interrupted(step, signal):
            name = {1: "SIGHUP", 2: "Ctrl-C", 15: "SIGTERM"}.get(signal, f"signal {signal}")
            return [f"{name}: step {step} finished, checkpoint committed"]
        case events.Failed(step, what, layer):
            where = f"; it first appeared in '{layer}'" if layer else ""
            return [f"step {step}: {what} is not finite{where}; the update was not applied"]
        case events.RunEnded(epochs, step, _, seconds, restored):
            back = f"; the weights of epoch {restored + 1} were put back" if restored is not None else ""
            return [f"trained {epochs} epochs, {step:,} steps in {duration(seconds)}{back}"]
        case events.SplitScored(split, scored, last):
            if last:
                return evaluation_lines(split, scored)
            return [f"{split}, {scored.examples} examples: {columns(scored.metrics)}"]
        case events.Expected(wanted, found, holds):
            return [f"{'holds' if holds else 'does not hold'}: {wanted}; found {found}"]
        case events.Warned(problems):
            return problem_lines(problems)
        case events.Notice(text):
            return text.splitlines()
        case _:
            return []
