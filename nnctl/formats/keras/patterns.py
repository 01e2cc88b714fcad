"""Optimizers that go by names of weights: regular expressions that tell Keras's weights apart as nnctl's do.

Keras's path of a variable is not its full name here: nested models are not in it, a Sequential has its own
name there, and a layer that holds another adds that one's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nnctl.core.errors import NnctlError
from nnctl.formats.keras.weights import KerasWeight
from nnctl.optimizers.base import OptimizerSpec, Part
from nnctl.optimizers.multi_optimizer import MultiOptimizer
from nnctl.optimizers.muon import Muon


class NotCompiled(NnctlError):
    """Why a model is written for Keras without what it was compiled with."""


def optimizer_map(optimizer: MultiOptimizer, trained: Sequence[KerasWeight]) -> tuple[dict[str, Part], Part]:
    """The optimizers of an OptimizerMap by their patterns, and its default; each with its weights.

    Raises:
        NotCompiled: no pattern tells the weights of one from those of another.
    """
    names = {at.name: at for at in trained}
    parts = optimizer.parts(list(names))
    default = Part(optimizer.default_optimizer, (), ("default_optimizer",))
    found: dict[str, Part] = {}
    for part in parts:
        if part.path == default.path:
            default = part
            continue
        others = [at for at in trained if at.name not in part.names]
        found["|".join(expressions([names[name] for name in part.names], others))] = part
    return found, default


def by_name(optimizer: OptimizerSpec, trained: Sequence[KerasWeight]) -> dict[str, object]:
    """The arguments of an optimizer that go by names of weights, if Keras's names need others than written.

    Raises:
        NotCompiled: no pattern tells the weights that it leaves aside from the others.
    """
    if not isinstance(optimizer, Muon):
        return {}
    matrices = [at for at in trained if len(at.shape) == 2]
    aside = [at for at in matrices if not optimizer.orthogonal(at.name, at.shape)]
    others = [at for at in matrices if at not in aside]
    embeddings = [
        at for at in matrices if "embedding" in at.variable.lower() and optimizer.exclude_embeddings
    ]
    if not optimizer.exclude_layers and embeddings == aside:
        return {}
    patterns = [f"^{pattern}$" for pattern in expressions(aside, others)]
    return {"exclude_embeddings": False, "exclude_layers": patterns}


def expressions(chosen: Sequence[KerasWeight], others: Sequence[KerasWeight]) -> list[str]:
    """Regular expressions that match Keras's paths of some variables, and of none of the others.

    Raises:
        NotCompiled: a path of another one may be matched as well.
    """
    for at in chosen:
        for other in others:
            layers = sorted([f"{at.layer}/", f"{other.layer}/"], key=len)
            if at.own_name == other.own_name and layers[1].startswith(layers[0]):
                message = (
                    f"'{at.name}' and '{other.name}' go different ways, and are one name to its optimizer"
                )
                raise NotCompiled(f"in Keras {message}")
    return list(dict.fromkeys(f"{re.escape(at.layer)}/(.*/)?{re.escape(at.own_name)}" for at in chosen))
