"""Whether a launcher started this process as one of several, told by what it leaves in the environment."""

from __future__ import annotations

import os
from importlib.util import find_spec

from nnctl.core.errors import ConfigError, Problem
from nnctl.ranks.base import ALONE, Ranks

LAUNCHERS = {
    "OMPI_COMM_WORLD_SIZE": "Open MPI",
    "PMI_SIZE": "MPICH, Intel MPI or Slurm (srun --mpi=pmi2)",
    "PMIX_RANK": "Slurm (srun --mpi=pmix) or another one of PMIx",
    "MV2_COMM_WORLD_SIZE": "MVAPICH",
}
"""Variables of the environment, and who sets them for each process that they start."""

_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


def launcher() -> str | None:
    """Who started this process as one of several; None: nobody did."""
    return next((LAUNCHERS[name] for name in LAUNCHERS if os.environ.get(name)), None)


def ranks() -> Ranks:
    """The processes that this one trains with; alone where no launcher started it.

    Raises:
        ConfigError: mpi4py is missing, finds no library, or belongs to another MPI than the launcher.
    """
    started_by = launcher()
    if started_by is None:
        return ALONE
    if find_spec("mpi4py") is None:
        message = f"a launcher ({started_by}) started this process, and several need the package mpi4py"
        raise ConfigError(Problem(message, expected="pip install 'nnctl[mpi]'"))
    from nnctl.ranks.mpi import MpiRanks

    try:
        found = MpiRanks()
    except (RuntimeError, ImportError) as error:
        message = f"mpi4py finds no MPI library ({str(error).splitlines()[0]})"
        way = "an MPI of your system, or pip install mpich: the same one that the launcher is of"
        raise ConfigError(Problem(message, expected=way)) from None
    wanted = next((int(os.environ[name]) for name in _SIZES if os.environ.get(name, "").isdigit()), 1)
    if found.size != wanted and found.size == 1:
        message = f"the launcher ({started_by}) started {wanted} processes, but mpi4py finds itself alone"
        way = f"the launcher of the MPI that mpi4py was built for or finds: {found.library}"
        raise ConfigError(Problem(message, expected=way))
    return found
