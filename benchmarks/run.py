"""`python benchmarks/run.py`: nnctl beside its peers, taking turns in one run.

A table goes to stderr, one JSON object to stdout. The standard library is enough to run this; the libraries
run in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import tables, whole
from benchmarks.epochs import epochs
from benchmarks.memory import memory
from benchmarks.prepare import peers_python
from benchmarks.processes import ROOT, Busy, Worker, environment
from benchmarks.timing import agreement, in_turns

MODELS = ("mlp", "cnn", "lstm")
PARTS = (*MODELS, "busy", "product", "whole", "cold", "memory", "epochs")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, by commas: {', '.join(PARTS)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=12, help="turns of each library")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a burst")
    parser.add_argument("--nnctl", default=str(ROOT / ".venv" / "bin" / "python"), help="a Python with nnctl")
    parser.add_argument("--peers", help="a Python with the peers; default: .venv-bench, made if need be")
    parser.add_argument("--no-peers", action="store_true", help="nnctl alone")
    return parser.parse_args()


def start_workers(nnctl: str, peers: str | None, threads: int) -> list[Worker]:
    """One process a library; nnctl is the first."""
    env = environment(threads)
    product = "product"
    workers = [Worker("nnctl", [nnctl, "-m", "benchmarks.workers.nnctl_steps"], (*MODELS, product), env)]
    if peers is None:
        return workers
    torch = [peers, "-m", "benchmarks.workers.pytorch"]
    keras = [peers, "-m", "benchmarks.workers.keras3"]
    workers.append(Worker("PyTorch", [*torch, "default"], (*MODELS, product), env))
    workers.append(Worker("PyTorch, fused Adam", [*torch, "fused"], ("mlp", "lstm"), env))
    workers.append(Worker("PyTorch, channels-last", [*torch, "channels-last"], ("cnn",), env))
    for backend, name in (("jax", "Keras on JAX"), ("tensorflow", "Keras on TensorFlow")):
        workers.append(Worker(name, keras, MODELS, environment(threads, {"KERAS_BACKEND": backend})))
    workers.append(Worker("NumPy", [peers, "-m", "benchmarks.workers.numpy_product"], (product,), env))
    return workers


def steps(options: argparse.Namespace, peers: str | None, parts: list[str]) -> dict[str, Any]:
    """Training steps, the product, and the steps beside a busy process."""
    found: dict[str, Any] = {}
    workers = start_workers(options.nnctl, peers, options.threads)
    busy = Busy()
    try:
        found["versions"] = {w.name: w.ask(do="about") for w in workers}
        for job in (*MODELS, "product"):
            able = [w for w in workers if job in w.jobs]
            if job not in parts and not (job == "mlp" and "busy" in parts):
                continue
            result: dict[str, Any] = {}
            if job != "product":
                result = agreement(able, job, 5, say)
            timed = in_turns(able, job, options.rounds, options.seconds, say)
            result["steps"] = [one.summary(timed[0]) for one in timed]
            found[job] = result
            if job == "mlp" and "busy" in parts:
                found["busy"] = beside_busy(able, options, busy)
    finally:
        busy.close()
        for worker in workers:
            worker.close()
    return found


def beside_busy(workers: list[Worker], options: argparse.Namespace, busy: Busy) -> dict[str, Any]:
    """The MLP alone and beside a process that keeps one core busy, in turns."""
    rows: dict[str, dict[str, list[float]]] = {w.name: {"alone": [], "busy": []} for w in workers}
    for turn in range(max(2, options.rounds // 3)):
        say(f"  mlp beside a busy process: round {turn + 1}")
        for state in ("alone", "busy"):
            (busy.go if state == "busy" else busy.hold)()
            for worker in workers:
                rows[worker.name][state] += worker.ask(do="burst", job="mlp", seconds=options.seconds)
    busy.hold()
    return {"steps": tables.slowdowns(rows)}


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print."""
    options = arguments()
    parts = [part for part in options.only.split(",") if part]
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SystemExit(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    peers = None if options.no_peers else options.peers or peers_python(say)
    if hasattr(os, "sched_setaffinity"):
        # Some libraries count cores and nothing else: all get as many as they may have threads.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    found: dict[str, Any] = {"machine": platform.platform(), "threads": options.threads}
    if {*MODELS, "busy", "product"} & set(parts):
        found |= steps(options, peers, parts)
    if "whole" in parts:
        found["whole"] = whole.whole(options.nnctl, peers, options.threads, max(3, options.rounds // 3), say)
    if "cold" in parts:
        found["cold"] = whole.cold(options.nnctl, options.threads)
    if "memory" in parts:
        found["memory"] = memory(options.nnctl, options.threads, say)
    if "epochs" in parts:
        found["epochs"] = epochs(options.nnctl, options.threads, say)
    say(tables.text(found))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
