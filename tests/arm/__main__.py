"""`python -m tests.arm`: every config, trained a few steps on an emulated 64-bit ARM, gives the same hash.

The first time takes a userland (see `userland`) and compiles all kernels under emulation: some minutes a
config. Both are kept, in `.make/arm` or the folder that NNCTL_ARM_DIR names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from tests.arm.userland import ROOT, Missing, made
from tests.exactness.hashes import CONFIGS, short_runs


def main() -> int:
    """0: all hashes are the same; 1: not all are; 2: there is no userland."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="*", help="names in configs/; default: all")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    names = options.configs or sorted(path.name for path in CONFIGS.glob("*.yaml"))
    place = Path(os.environ.get("NNCTL_ARM_DIR", ROOT / ".make" / "arm")).absolute()
    try:
        userland = made(place)
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    different = 0
    for name in names:
        began = time.monotonic()
        own = short_runs([name], 1)[name]
        said = userland.run(["-m", "tests.exactness.hashes", str(options.threads), name])
        theirs = json.loads(said)[name]
        same = own == theirs
        different += not same
        verdict = "the same" if same else f"{own[:12]} here, {theirs[:12]} there"
        print(f"{name}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
    # A line that continuous integration reads as a result.
    print(f"{len(names) - different} passed, {different} failed")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
