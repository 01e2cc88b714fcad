"""nnctl in several processes: `mpiexec -n N python -m benchmarks.workers.ranks_nnctl WORKLOAD BATCH STEPS`.

Rank 0 prints seconds of each step and the bytes that it sent in one.
"""

from __future__ import annotations

import json
import sys
from itertools import islice

from benchmarks.folder import config_of
from benchmarks.workers.nnctl_steps import endless
from nnctl.core.events import StepEnded
from nnctl.ranks.launch import ranks as find_ranks
from nnctl.runner.train import train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.kernels import ready_kernels, use_threads
from nnctl.workflow.train import make_job, prepare

UNTIMED = 5


def main() -> None:
    name, batch, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ranks = find_ranks()
    use_threads(1)
    overrides = (f"data.batch_size={batch}", "training.shards=8")
    assembled = assemble(config_of(name, False), overrides=overrides)
    session = assembled.session(1)
    job = endless(make_job(assembled, session, ranks=ranks))
    prepare(job)
    session.initialize()
    ready_kernels(session)
    ranks.gather(None)
    events = (event for event in train(job) if isinstance(event, StepEnded))
    seconds = []
    for number, event in enumerate(islice(events, UNTIMED + steps)):
        if number == UNTIMED:
            before = getattr(ranks, "sent", 0)
        seconds.append(event.seconds)
    if ranks.first:
        sent = (getattr(ranks, "sent", 0) - before) // (steps - 1)
        print(json.dumps({"seconds": seconds[UNTIMED:], "sent": sent, "loss": float(session.loss[0])}))


if __name__ == "__main__":
    main()
