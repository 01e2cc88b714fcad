"""Drawn arguments of every class beside Keras: how many cases, and how far apart.

    python -m tests.parity --count 20 [--seed 0] [--kind layer] [--only Conv]

Each case is drawn from its class and number alone, so that one that differs can be tried again
(`--only Conv2D --seed 17 --count 1`). The exit code is 1 if one does.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

from tests.parity.families import FAMILIES
from tests.parity.family import Family, RefusedError


@dataclass
class Tally:
    """What came of a class's numbers, or of all classes'."""

    done: int = 0
    refused: int = 0
    differing: int = 0
    largest: float = 0.0

    def add(self, other: Tally) -> None:
        """Count what came of a class, too."""
        self.done += other.done
        self.refused += other.refused
        self.differing += other.differing
        self.largest = max(self.largest, other.largest)


def tally(family: Family, name: str, numbers: Iterable[int]) -> Tally:
    """Compare a class at each number; what differs, and what Keras refuses, is told on stderr."""
    seen = Tally()
    for number in numbers:
        try:
            drawn, found = family.compare(name, number)
        except RefusedError as error:
            seen.refused += 1
            print(f"{name} {number}: Keras: {str(error).splitlines()[0][:150]}", file=sys.stderr)
            continue
        except Exception:
            seen.differing += 1
            print(f"{name} {number}:", file=sys.stderr)
            traceback.print_exc(limit=-2)
            continue
        apart, what = max((value, what) for what, value in found.items())
        seen.done, seen.largest = seen.done + 1, max(seen.largest, apart)
        if not apart <= family.allowed(name):
            seen.differing += 1
            print(f"{name} {number}: {what} {apart:.2g} apart\n  {drawn}", file=sys.stderr)
    return seen


def main() -> int:
    """Print a row per class; whether a case differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first number")
    parser.add_argument("--count", type=int, default=10, help="numbers per class")
    parser.add_argument("--kind", choices=sorted(FAMILIES), help="one family only")
    parser.add_argument("--only", default="", help="classes whose name begins so")
    arguments = parser.parse_args()
    numbers = range(arguments.seed, arguments.seed + arguments.count)
    chosen = [
        (kind, family, name)
        for kind, family in FAMILIES.items()
        if arguments.kind in (None, kind)
        for name in family.names()
        if name.startswith(arguments.only)
    ]
    total = Tally()
    print("| class | cases | Keras refuses | largest deviation |\n| --- | --- | --- | --- |")
    for kind, family, name in chosen:
        seen = tally(family, name, numbers)
        total.add(seen)
        print(f"| {kind} {name} | {seen.done} | {seen.refused} | {seen.largest:.2g} |", flush=True)
    print(
        f"{len(chosen)} classes, {total.done} cases, {total.differing} differ, "
        f"largest deviation {total.largest:.2g}"
    )
    return int(total.differing > 0)


if __name__ == "__main__":
    sys.exit(main())
