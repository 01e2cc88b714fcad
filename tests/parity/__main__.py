"""Drawn arguments of every class beside Keras: how many cases, and how far apart.

    python -m tests.parity --count 20 [--seed 0] [--kind layer] [--only Conv] [--float64]

Each case is drawn from its class and number alone, so that one that differs can be tried again
(`--only Conv2D --seed 17 --count 1`). The exit code is 1 if one does.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

from tests.parity.families import FAMILIES
from tests.parity.family import RefusedError


def main() -> int:
    """Print a row per class; how many cases differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first number")
    parser.add_argument("--count", type=int, default=10, help="numbers per class")
    parser.add_argument("--kind", choices=sorted(FAMILIES), help="one family only")
    parser.add_argument("--only", default="", help="classes whose name begins so")
    arguments = parser.parse_args()
    cases = differing = classes = 0
    largest = 0.0
    print("| class | cases | Keras refuses | largest deviation |\n| --- | --- | --- | --- |")
    for kind, family in FAMILIES.items():
        if arguments.kind not in (None, kind):
            continue
        for name in (n for n in family.names() if n.startswith(arguments.only)):
            done, refused, worst = 0, 0, 0.0
            for number in range(arguments.seed, arguments.seed + arguments.count):
                try:
                    drawn, found = family.compare(name, number)
                    apart, what = max((value, what) for what, value in found.items())
                except RefusedError as error:
                    refused += 1
                    print(f"{name} {number}: Keras: {str(error).splitlines()[0][:150]}", file=sys.stderr)
                    continue
                except Exception:
                    differing += 1
                    print(f"{name} {number}:", file=sys.stderr)
                    traceback.print_exc(limit=-2)
                    continue
                done, worst = done + 1, max(worst, apart)
                if not apart <= family.tolerance:
                    differing += 1
                    print(f"{name} {number}: {what} {apart:.2g} apart\n  {drawn}", file=sys.stderr)
            print(f"| {kind} {name} | {done} | {refused} | {worst:.2g} |", flush=True)
            classes, cases, largest = classes + 1, cases + done, max(largest, worst)
    print(f"{classes} classes, {cases} cases, {differing} differ, largest deviation {largest:.2g}")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
