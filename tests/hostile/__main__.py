"""`python -m tests.hostile [--count 2000] [--first 0] [--seed 0] [NAME ...]`: the corpus, then mutations.

A line for each case that does not hold, then a summary; exit code 1 where one does not hold.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from itertools import chain as chain_of
from pathlib import Path

from nnctl.cli.main import main as nnctl
from tests.forking import import_everything
from tests.hostile.corpus import CORPUS
from tests.hostile.forge import chain, dense, keras
from tests.hostile.mutations import FORMATS, cut, mutated
from tests.hostile.oracle import judged, prepared
from tests.sampling import a_day


def warm_up() -> None:
    """Have Python and Typer make what they make once, of code that they put together themselves."""
    with tempfile.TemporaryDirectory() as place, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        model = Path(place) / keras(Path(place), chain(dense()))
        for command in (["inspect", str(model)], ["import", str(model), "-o", f"{place}/run"]):
            with suppress(SystemExit):
                nnctl(command)


def faults(names: list[str], place: Path, slow: bool) -> Iterator[tuple[str, str | None]]:
    """Each case of the corpus with what does not hold of it."""
    for name in names:
        case = CORPUS[name]
        here = prepared(place, name)
        begun = time.perf_counter()
        why = judged(here, case.command(here), imports=case.imports, says=case.says)
        if slow:
            print(f"{time.perf_counter() - begun:6.2f} s  {name}")
        yield name, why
        shutil.rmtree(here)


def changes(numbers: range, place: Path, seed: int) -> Iterator[tuple[str, str | None]]:
    """Each mutation with what does not hold of it."""
    for number in numbers:
        here = prepared(place, str(number))
        command, what = mutated(here, number, seed)
        yield f"{number}: {what}", judged(here, command)
        shutil.rmtree(here)


def cuts(place: Path, step: int) -> Iterator[tuple[str, str | None]]:
    """Each file cut off at each so many percent, with what does not hold of it."""
    for format in FORMATS if step else ():
        for percent in range(0, 100, step):
            here = prepared(place, f"{format}-{percent}")
            yield f"{percent} % of {format}", judged(here, cut(here, format, percent))
            shutil.rmtree(here)


def a_sample() -> list[str]:
    """The published vulnerabilities, and some of the other cases; none that takes a second or more."""
    quick = [name for name, case in CORPUS.items() if not case.large]
    return a_day(quick, lambda name: name[:4] if name.startswith(("cve_", "onnx")) else "", 24)


def main() -> int:
    """Run the cases and say what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cut", type=int, default=0, help="cut files off at each so many percent")
    parser.add_argument("--times", action="store_true", help="say how long each case took")
    parser.add_argument("--only", action="store_true", help="leave out the corpus")
    parser.add_argument("--short", action="store_true", help="a sample of the corpus")
    asked = parser.parse_args()
    os.environ.setdefault("NNCTL_THREADS", "1")
    import_everything()
    warm_up()
    bad = count = 0
    names = asked.names or ([] if asked.only else a_sample() if asked.short else list(CORPUS))
    with tempfile.TemporaryDirectory() as place:
        found = chain_of(
            faults(names, Path(place), asked.times),
            changes(range(asked.first, asked.first + asked.count), Path(place), asked.seed),
            cuts(Path(place), asked.cut),
        )
        for name, why in found:
            count += 1
            if why:
                bad += 1
                print(f"{name}: {why}", flush=True)
    print(f"{count} cases, {bad} do not hold")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
