"""`python benchmarks/run.py`: nnctl beside its peers, taking turns in one run.

A table goes to stderr, one JSON object to stdout. NumPy is enough to run this; the libraries run in processes
of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import measure, picture, summary, tables, whole
from benchmarks.epochs import epochs
from benchmarks.libraries import LIBRARIES, NNCTL
from benchmarks.measure import Settings
from benchmarks.memory import memory
from benchmarks.prepare import peers_python
from benchmarks.processes import ROOT, Busy, environment, run_whole
from benchmarks.workloads import WORKLOADS

OF_WORKLOADS = ("steps", "inference", "busy", "threads", "calls")
PARTS = ("peak", *OF_WORKLOADS, "product", "whole", "cold", "memory", "epochs")
PEERS = tuple(one.name for one in LIBRARIES if one.name != NNCTL)
QUICK_PEERS = tuple(one.name for one in LIBRARIES if one.name != NNCTL and one.quick)
QUICK_PARTS = ("peak", "steps", "inference")
QUICK_WORKLOADS = ("tiny", "mlp", "cnn", "lstm")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"parts, by commas: {', '.join(PARTS)}")
    parser.add_argument("--workloads", help=f"by commas: {', '.join(WORKLOADS)}")
    parser.add_argument("--quick", action="store_true", help="a sample of workloads and peers, in 3 minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="turns of each library (12; quick: 5)")
    parser.add_argument("--seconds", type=float, help="length of a burst (0.3; quick: 0.15)")
    parser.add_argument("--nnctl", default=str(ROOT / ".venv" / "bin" / "python"), help="a Python with nnctl")
    parser.add_argument("--peers", help="a Python with the peers; default: .venv-bench, made if need be")
    parser.add_argument("--no-peers", action="store_true", help="only nnctl")
    parser.add_argument("--libraries", help=f"besides nnctl, by commas: {', '.join(PEERS)}")
    parser.add_argument(
        "--keep",
        type=Path,
        help="a JSON file that takes each workload once it is measured; those in it are not again",
    )
    parser.add_argument("--machine", help="what the results say of the machine, in words")
    parser.add_argument("--picture", type=Path, help="an SVG file to draw the ratios into")
    return parser.parse_args()


def chosen(given: str | None, default: tuple[str, ...], there: tuple[str, ...], what: str) -> list[str]:
    """The names that an option lists, or the default. Raises SystemExit: a name is unknown."""
    names = [name for name in given.split(",") if name] if given is not None else list(default)
    unknown = set(names) - set(there)
    if unknown:
        raise SystemExit(f"unknown {what}: {', '.join(sorted(unknown))}; there are {', '.join(there)}")
    return names


def peak(nnctl: str, threads: int) -> dict[str, Any]:
    """What the machine can do at the most."""
    made = run_whole([nnctl, "-m", "benchmarks.workers.peak"], environment(threads), ROOT)
    found: dict[str, Any] = json.loads(made.output)
    return found


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def run(options: argparse.Namespace, parts: list[str], names: list[str]) -> dict[str, Any]:
    """Everything that was asked for."""
    quick = options.quick
    peers = None if options.no_peers else options.peers or peers_python(say)
    if hasattr(os, "sched_setaffinity"):
        # Some libraries count cores and nothing else: all get as many as they may have threads.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    found: dict[str, Any] = {
        "machine": options.machine or platform.machine(),
        "threads": options.threads,
        "quick": quick,
    }
    rounds = options.rounds or (5 if quick else 12)
    if "peak" in parts:
        found["peak"] = peak(options.nnctl, options.threads)
    of_workloads = [part for part in parts if part in OF_WORKLOADS]
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(
            options.nnctl,
            peers,
            options.threads,
            rounds,
            options.seconds or (0.15 if quick else 0.3),
            chosen(options.libraries, QUICK_PEERS if quick else PEERS, PEERS, "libraries"),
            Path(scratch),
            of_workloads,
            say,
        )
        if of_workloads:
            found["workloads"] = workloads(settings, names, options.keep)
        if "product" in parts:
            found["product"] = measure.product(settings)
    if "whole" in parts:
        found["whole"] = whole.whole(options.nnctl, peers, options.threads, max(3, rounds // 3), say)
    if "cold" in parts:
        found["cold"] = whole.cold(options.nnctl, options.threads)
    if "memory" in parts:
        found["memory"] = memory(options.nnctl, options.threads, say)
    if "epochs" in parts:
        found["epochs"] = epochs(options.nnctl, options.threads, say)
    summary.add(found)
    return found


def workloads(settings: Settings, names: list[str], keep: Path | None) -> dict[str, Any]:
    """Every workload, one after another; of one that fails, why. Those that `keep` has are taken from it."""
    kept = json.loads(keep.read_text()) if keep is not None and keep.exists() else {}
    left = [name for name in names if name not in kept]
    measure.write_files(settings, left)
    busy, found = Busy(), dict(kept)
    try:
        for name in left:
            settings.say(name)
            try:
                found[name] = measure.workload(settings, name, busy)
            except RuntimeError as error:
                found[name] = {"title": WORKLOADS[name].title, "failed": str(error)}
            if keep is not None:
                keep.write_text(json.dumps(found))
    finally:
        busy.close()
    return {name: found[name] for name in names}


def main() -> None:
    """Measure, print."""
    options = arguments()
    parts = chosen(options.only, QUICK_PARTS if options.quick else PARTS, PARTS, "parts")
    names = chosen(
        options.workloads,
        QUICK_WORKLOADS if options.quick else tuple(WORKLOADS),
        tuple(WORKLOADS),
        "workloads",
    )
    found = run(options, parts, names)
    say(tables.text(found))
    if options.picture is not None:
        options.picture.write_text(picture.picture(found))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
