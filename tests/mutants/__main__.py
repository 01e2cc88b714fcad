"""`python -m tests.mutants`: change nnctl in one small place after another and see whether a test notices."""

from __future__ import annotations

import argparse
import sys
import time

from tests.mutants import record
from tests.mutants.choose import PACKAGES, Mutant, changed_lines, commit, drawn, mutants_of, sources
from tests.mutants.covering import covering
from tests.mutants.nursery import Nursery, run_tests


def main() -> int:
    """0 if all that was tried was noticed, or enough of it (`--share`)."""
    args = _arguments()
    reasons, before = record.equivalent(), record.read()
    chosen: list[Mutant] = []
    lines = changed_lines(args.since) if args.since else None
    for package in args.package or PACKAGES:
        found = [m for file in sources([package]) for m in mutants_of(file)]
        found = [m for m in found if args.file is None or args.file in m.file]
        if lines is not None:
            found = [m for m in found if m.line in lines.get(m.file, ())]
        if args.survivors:
            alive = {k for k, row in before.items() if row.outcome == "survived" and k not in reasons}
            found = [m for m in found if (m.file, *m.change()) in alive]
        chosen += drawn(found, args.seed or commit())[: args.sample]
    if args.since:
        chosen = drawn(chosen, args.seed or commit())[: args.sample]
    # Package by package, whose tests are watched once; in the order of the draw, as time may not do for all.
    turn = list(dict.fromkeys(mutant.package for mutant in chosen))
    chosen.sort(key=lambda m: (turn.index(m.package), m.file, m.line))
    tried, until = [], time.monotonic() + args.seconds
    with Nursery() as nursery:
        for number, mutant in enumerate(chosen):
            if time.monotonic() > until and number >= args.least:
                print(f"time is up: {number} of {len(chosen)} were tried")
                break
            tried.append(_try(mutant, nursery))
            row = tried[-1]
            if args.record:
                record.keep(row)
            if row.outcome == "survived":
                why = reasons.get(row.place)
                print(
                    f"{'equivalent' if why else 'SURVIVED'}  {mutant.file}:{mutant.line}  {mutant.operator}"
                )
                print(f"    - {row.was}\n    + {row.now}", flush=True)
    print(record.table(tried))
    able = [row for row in tried if row.outcome == "killed" or row.place not in reasons]
    killed = sum(row.outcome == "killed" for row in able)
    # There may be fewer mutants than `least`: a share of one or two says nothing.
    return 0 if len(able) < args.least or killed >= args.share * len(able) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--package", action="append", choices=PACKAGES, help="only these (repeatable)")
    parser.add_argument("--file", help="only files whose path has this in it")
    parser.add_argument("--sample", type=int, help="so many of each package; with --since, of all")
    parser.add_argument("--since", metavar="REV", help="only lines that changed since this revision")
    parser.add_argument("--seed", help="what the sample is drawn by (default: the commit's hash)")
    parser.add_argument("--survivors", action="store_true", help="only those that survived when last tried")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further one after this")
    parser.add_argument("--least", type=int, default=0, help="try so many, however long it takes")
    parser.add_argument("--share", type=float, default=1.0, help="what share must be noticed (default: all)")
    parser.add_argument("--record", action="store_true", help="keep the outcome in tests/mutants and docs")
    return parser.parse_args()


def _try(mutant: Mutant, nursery: Nursery) -> record.Tried:
    """Put the mutant into the copy, run the tests that run its line, and take it out again."""
    known = covering(mutant.package, nursery)
    tests = known.tests(mutant)
    was, now = mutant.change()
    file = nursery.root / mutant.file
    original = file.read_text(encoding="utf-8")
    if not tests:
        return record.Tried(mutant.file, mutant.operator, was, now, "survived", "no test runs it")
    cost = known.cost(tests)
    try:
        file.write_text(mutant.code(), encoding="utf-8")
        ended = nursery.run(lambda told: run_tests(tests, told), cpu=20 + 5 * cost, wall=300 + 30 * cost)
    finally:
        file.write_text(original, encoding="utf-8")
    outcome = "survived" if ended.code == 0 else "killed"
    by = ended.failed or ("" if ended.code == 0 else "time" if ended.code is None else f"exit {ended.code}")
    return record.Tried(mutant.file, mutant.operator, was, now, outcome, by)


if __name__ == "__main__":
    sys.exit(main())
