"""`nnctl bisect`, and what `nnctl verify` says where bits differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnctl.core.bits import BitDifference
from nnctl.core.visible import listed
from nnctl.program.written import Written
from nnctl.runs.recorded import Cause, OtherNumbers, OtherWeights, Recorded
from nnctl.workflow.bisect import SIDES, Agreement, Bisected
from nnctl.workflow.first_difference import FirstDifference, Replayed

if TYPE_CHECKING:
    from nnctl.workflow.verify import Verified

_MOST = 20
"""Causes that are named."""
_LONGEST_OP = 60
"""Characters of an op; of a longer one only its name is shown."""


def bisect_lines(found: Bisected) -> list[str]:
    """What differs, what may be the cause first."""
    lines = [f"{side}: {run}" for side, run in zip(SIDES, found.runs, strict=True)]
    lines += _recorded(found.recorded)
    if found.replayed is None:
        return [*lines, f"not trained again: {found.not_replayed}"]
    return [*lines, *_replayed(found.replayed), *_agreed(found.replayed, found.agreements or ())]


def verify_lines(found: Verified) -> list[str]:
    """Whether the bits hold; if not, since when, and whether this machine agrees with itself."""
    lines = [found.message]
    if found.numbers is not None:
        lines.append(f"the first epoch whose numbers differ: {_numbers(found.numbers, 'recorded', 'now')}")
    if found.again is None or found.again.replayed is None:
        return lines
    first = found.again.replayed.first
    if first is None:
        lines.append("trained twice more, side by side: this machine agrees with itself")
    else:
        lines += ["trained twice more, side by side: this machine does not agree with itself", *_first(first)]
    return [*lines, f"next: {found.next}"]


def _recorded(found: Recorded) -> list[str]:
    lines = [_cause(cause) for cause in found.causes[:_MOST]]
    if len(found.causes) > _MOST:
        lines.append(f"{len(found.causes) - _MOST} more causes")
    if found.numbers is not None:
        lines.append(f"recorded: the first epoch whose numbers differ: {_numbers(found.numbers, *SIDES)}")
    if found.weights is not None:
        lines.append(f"recorded: {_weights(found.weights)}")
    if found.digests is not None:
        lines.append(f"recorded: the first epoch whose numbers differ: {found.digests.epoch}")
    return lines if found.differs else [*lines, "recorded: no bits are known to differ"]


def _cause(cause: Cause) -> str:
    if cause.kind == "data" and cause.a is not None and cause.b is not None:
        return f"data: {cause.name} has another content in {SIDES[0]} than in {SIDES[1]}"
    told = ("nothing" if value is None else value for value in (cause.a, cause.b))
    both = ", ".join(f"{value} in {side}" for value, side in zip(told, SIDES, strict=True))
    return f"{cause.kind}: {cause.name} is {both}"


def _numbers(found: OtherNumbers, a: str, b: str) -> str:
    names = list(found.numbers)
    one, other = found.numbers[names[0]]
    more = f", and {listed(names[1:])}" if len(names) > 1 else ""
    return f"{found.epoch} ({names[0]} {_exact(one)} {a}, {_exact(other)} {b}{more})"


def _weights(found: OtherWeights) -> str:
    where = "in the final models" if found.step is None else f"at step {found.step}"
    return f"the first weights that differ, {where}: those of {listed(found.layers)}"


def _replayed(found: Replayed) -> Iterator[str]:
    whose = " and ".join(dict.fromkeys(f"nnctl {version}" for version in found.nnctl))
    where = f"step {found.start}, the last that both kept" if found.start else "the beginning"
    yield f"trained again by {whose}, from {where}"
    if found.first is not None:
        yield from _first(found.first)
    else:
        yield f"no bits differ up to step {found.mark.step}"


def _first(found: FirstDifference) -> Iterator[str]:
    """Where two trainings first differ, and how."""
    yield f"first difference: {_where(found)}"
    if found.value is not None and found.value.op:
        kernels = f" by {', '.join(found.value.kernels)}" if found.value.kernels else ""
        op = found.value.op if len(found.value.op) <= _LONGEST_OP else found.value.op.partition("(")[0]
        yield f"  made by {op}{kernels}"
    yield from _bits(found)
    if found.more:
        verb = "differ" if found.more > 1 else "differs"
        yield f"  {found.more} more of what follows from the same step {verb}"


def _where(found: FirstDifference) -> str:
    within = f"its step {found.step_in_epoch} of {found.steps_per_epoch}"
    step = f"step {found.step} (epoch {found.epoch}, {within})"
    match found.when:
        case "start":
            return f"before {'the first step' if not found.step else f'step {found.step + 1}'}: {found.part}"
        case "step":
            assert found.value is not None
            return f"{step}, {_value(found.value)}"
        case "after":
            last = found.step_in_epoch == found.steps_per_epoch
            who = "validation or a callback" if last else "a callback, or memory that was written over"
            return f"behind {step}, whose calls all wrote the same: {found.part} ({who})"
        case "end":
            ends = ", ".join(f"{side} {said}" for side, said in zip(SIDES, found.ended, strict=True))
            return f"after step {found.step}: {ends}"
    who = f": {' and '.join(found.sides)} came to other bits than before" if found.sides else ""
    return (
        f"behind step {found.step}, but not when trained from there again{who}. "
        "A plugin that is not deterministic, or hardware that computes wrong"
    )


def _value(written: Written) -> str:
    """A value as people call it."""
    of, _, weight = written.name.partition(":")
    layer = f"layer {written.layer}"
    match written.kind:
        case "input" if weight:
            return f"what it reads: {of.replace('_', ' ')} {weight}"
        case "input":
            return "what it reads: the learning rate and other numbers of the optimizer"
        case "gradient" if weight:
            return f"gradient of {weight} ({layer})"
        case "gradient":
            return f"gradient in {layer}"
        case "update" if weight:
            what = "" if of == "weights" else f"{of} of "
            return f"update of {what}{weight} ({layer})"
        case "evaluation":
            return f"value of {layer} in validation"
    named = f" {written.name}" if written.name else ""
    return f"{written.kind} value{named} of {layer}"


def _bits(found: FirstDifference) -> Iterator[str]:
    if found.bits is None:
        if found.shapes[0] != found.shapes[1]:
            yield f"  it is {found.shapes[0]} in {SIDES[0]} and {found.shapes[1]} in {SIDES[1]}"
        return
    bits = found.bits
    count = f"{bits.differing:,} of {bits.elements:,} elements of {found.shapes[0]}"
    yield f"  {count} {'differ' if bits.differing > 1 else 'differs'}; the largest difference: {_apart(bits)}"


def _apart(bits: BitDifference) -> str:
    values = ", ".join(f"{_exact(v)} in {side}" for v, side in zip((bits.a, bits.b), SIDES, strict=True))
    apart = f", {bits.largest:.3g} apart" if bits.largest is not None else ""
    ulps = f", {bits.ulps:,} ulp" if bits.ulps is not None and bits.largest is not None else ""
    return f"at {list(bits.index)}, {values}{apart}{ulps}"


def _agreed(replayed: Replayed, agreements: Sequence[Agreement]) -> Iterator[str]:
    """Whose recorded bits were found again."""
    sides = dict(zip(SIDES, agreements, strict=True))
    left = {side: each for side, each in sides.items() if not each.holds}
    for side, each in left.items():
        if each.digests is not None:
            what = f"weights of {listed(each.digests.layers)}" if each.digests.layers else "numbers"
            yield f"{side} recorded other {what}, first in epoch {each.digests.epoch}"
        elif each.numbers is not None:
            yield f"{side} recorded other numbers, first in epoch {_numbers(each.numbers, 'then', 'now')}"
        else:
            yield f"{side} recorded another final model"
    if replayed.first is not None:
        return
    if len(left) == 2:
        yield (
            "neither recorded what was found now: other hardware or another nnctl made it, "
            "or a plugin has a state that no config holds"
        )
    elif left:
        yield f"what was found now is what {next(side for side in sides if side not in left)} recorded"
    else:
        yield "both recorded what was found now"


def _exact(value: Any) -> str:
    """A number with all digits that a float32 has; more where a float64 needs them."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.9g}" if float(np.float32(value)) == value else repr(value)
