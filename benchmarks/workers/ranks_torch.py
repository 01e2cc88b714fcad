"""DistributedDataParallel on gloo: `python -m benchmarks.workers.ranks_torch WORKLOAD BATCH STEPS N`.

Process 0 prints seconds of each step and the bytes that went through the machine's loopback for each process
and step. Where the environment says that it is one of N (`RANK`), it is that one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

UNTIMED = 5


def loopback() -> int:
    """Bytes that were sent through it so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[8])
    return 0


def train(name: str, batch: int, steps: int, size: int) -> None:
    """What each process does: its rows of every batch."""
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    from benchmarks.folder import first_weights
    from benchmarks.workers.pytorch import loss_of_workload
    from benchmarks.workers.torch_model import arrange, model_of
    from benchmarks.workloads import WORKLOADS
    from benchmarks.workloads.base import EPSILON, LEARNING_RATE

    rank = int(os.environ["RANK"])
    torch.set_num_threads(1)
    workload = replace(WORKLOADS[name], batch=batch)
    model = model_of(workload, first_weights(name), dropout=False).train()
    if size > 1:
        distributed.init_process_group("gloo", rank=rank, world_size=size)
        model = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, eps=EPSILON, fused=True)
    rows = slice(rank * batch // size, (rank + 1) * batch // size)
    batches = [
        ([arrange(given[n][rows], workload) for n in workload.inputs], arrange(target[rows], workload))
        for given, target in workload.batches()
    ]
    seconds, before, loss = [], 0, None
    for step in range(UNTIMED + steps):
        if step == UNTIMED:
            before = loopback()
        inputs, wanted = batches[step % len(batches)]
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of_workload(workload, model(*inputs), wanted)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    if rank == 0:
        assert loss is not None
        sent = (loopback() - before) // steps // size
        print(json.dumps({"seconds": seconds[UNTIMED:], "sent": sent, "loss": float(loss)}))


def main() -> None:
    name, batch, steps, size = sys.argv[1], *map(int, sys.argv[2:5])
    if "RANK" in os.environ:
        train(name, batch, steps, size)
        return
    env = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517"}
    command = [sys.executable, "-m", "benchmarks.workers.ranks_torch", *sys.argv[1:]]
    started = [subprocess.Popen(command, env={**env, "RANK": str(rank)}) for rank in range(size)]
    sys.exit(max(process.wait() for process in started))


if __name__ == "__main__":
    main()
