"""Every case in a process of its own: how it ended, how long it took, how much memory it had.

`python -m tests.mutated --count 2000 [--seed 0] [--first 0]`: a line for each case that does not hold, then a
summary; exit code 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from tests.forking import Outcome, import_everything, run
from tests.mutated.base import make_base
from tests.mutated.cases import Case, make

SECONDS, MEGABYTES = 2.0, 300.0


def fault(case: Case, found: Outcome, here: Path) -> str | None:
    """Why an outcome does not hold, or None."""
    err = found.err.decode("utf-8", "replace")
    if found.code < 0:
        return f"signal {-found.code}"
    if "Traceback" in err or found.code not in (0, 2, 3, 5):
        return f"exit code {found.code}: {(err.strip().splitlines() or [''])[-1][:150]}"
    if found.code and not err.strip() and not found.out:
        return f"exit code {found.code} without a word"
    if case.must_fail and found.code == 0:
        return "read, although its hash is wrong"
    odd = {c for c in err + found.out.decode("utf-8", "replace") if not c.isprintable() and c not in " \n"}
    if odd:
        return f"control characters on the terminal: {sorted(odd)}"
    if len(err) > 20_000:
        return f"an error of {len(err)} characters"
    if found.seconds > SECONDS or found.megabytes > MEGABYTES:
        return f"{found.seconds:.1f} s, {found.megabytes:.0f} MB"
    return _wrong(case, here) if case.data and found.code == 0 else None


def _wrong(case: Case, here: Path) -> str | None:
    """Whether predictions are other than those of what NumPy or h5py reads in the same file."""
    assert case.data is not None
    if run(("resave", case.data, "clean.npz"), here).code != 0:
        return None  # the reference itself cannot read it
    again = run(("predict", "arrays", "clean.npz", "-o", "clean.csv"), here)
    if again.code != 0 or (here / "clean.csv").read_bytes() != (here / "out.csv").read_bytes():
        return "other predictions than of what the reference reads"
    return None


def main() -> int:
    """Run the cases and say what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("NNCTL_THREADS", "1")
    import_everything()
    codes: Counter[int] = Counter()
    faults, slowest, largest = 0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        pid = os.fork()
        if pid == 0:
            try:
                make_base(base)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        for number in range(asked.first, asked.first + asked.count):
            here = Path(place) / str(number)
            case = make(number, base, here, asked.seed)
            found = run(case.command, here)
            codes[found.code] += 1
            slowest, largest = max(slowest, found.seconds), max(largest, found.megabytes)
            why = fault(case, found, here)
            if why:
                faults += 1
                print(f"{number}: {' '.join(case.command)}: {case.what}: {why}", flush=True)
            shutil.rmtree(here)
    ends = ", ".join(f"{count} ended with {code}" for code, count in sorted(codes.items()))
    print(f"{asked.count} cases, {faults} do not hold; {ends}; at most {slowest:.2f} s, {largest:.0f} MB")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
