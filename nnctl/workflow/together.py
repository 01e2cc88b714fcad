"""Training as one of several processes: what they agree on before the first step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nnctl.core.errors import ConfigError, DataError, NnctlError, Problem, RunError
from nnctl.core.threads import asked_threads, usable_cores
from nnctl.ranks.base import Ranks
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.load import load
from nnctl.spec.output.resolved import config_sha256
from nnctl.workflow.assemble import Assembled

SHARDS = 8
"""In how many parts a batch is computed where a launcher started processes and the config says nothing."""


@contextmanager
def agreed(ranks: Ranks) -> Iterator[None]:
    """What fails in one process fails in all of them: nobody waits for one that has left.

    Raises:
        RunError: it failed elsewhere; with the number of that process.
    """
    try:
        yield
    except NnctlError as error:
        ranks.gather(str(error))
        ranks.waiting = False
        raise
    failed = [(rank, text) for rank, text in enumerate(ranks.gather(None)) if text is not None]
    if failed:
        ranks.waiting = False
        rank, text = failed[0]
        raise RunError(f"rank {rank}: {text}")


def with_shards(config: Path, overrides: Sequence[str], ranks: Ranks, shards: int = SHARDS) -> Sequence[str]:
    """The overrides, and with them `training.shards` where a launcher started this and nothing says it."""
    if not ranks.launched:
        return overrides
    # Of a wrong config `assemble` says all that is wrong.
    with suppress(ConfigError):
        if load(config, overrides).experiment.training.shards is None:
            return (*overrides, f"training.shards={shards}")
    return overrides


def threads_of(asked: int | None, ranks: Ranks) -> int:
    """The threads of each process: those asked for, else its share of this machine's cores."""
    return asked_threads(asked) or max(1, usable_cores() // ranks.beside)


def refuse_idle(experiment: Experiment, size: int) -> None:
    """Refuse to train in more processes than there is work for.

    Raises:
        ConfigError: some would have no shard, or no example.
    """
    shards, batch = experiment.training.shards or 1, experiment.data.batch_size
    if shards < size:
        message = f"{size} processes cannot share {shards} shards of a batch"
        path, expected = ("training", "shards"), f"training.shards of {size} or more, or fewer processes"
    elif batch < size:
        message = f"{size} processes cannot share a batch of {batch}"
        path, expected = ("data", "batch_size"), f"a batch size of {size} or more, or fewer processes"
    else:
        return
    raise ConfigError(Problem(message, path, expected))


def refuse_others(assembled: Assembled, ranks: Ranks) -> None:
    """Hold what the processes train, and on what, against one another.

    Raises:
        ConfigError: a process has another config.
        DataError: it has other data.
    """
    mine = config_sha256(assembled.loaded.experiment), assembled.data.data_sha256
    every = ranks.gather(mine)
    for rank, (config, data) in enumerate(every):
        if config != every[0][0]:
            ranks.waiting = False
            raise ConfigError(
                Problem(f"rank {rank} has another config than rank 0", expected="the same file")
            )
        if data != every[0][1]:
            ranks.waiting = False
            raise DataError(
                f"rank {rank} has other data than rank 0 (their hashes differ)",
                hint="copy the same files to every machine",
            )
