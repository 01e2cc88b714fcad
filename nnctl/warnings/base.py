"""What a warning is: a function that looks at a whole experiment and says what is legal and surely a mistake.

A warning names its place and the way out. It must be sure: who reads ten warnings of which nine mean nothing
will not read the tenth. What depends on rows that were not read is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nnctl.core.errors import Problem
from nnctl.data.open import Data
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.spec.experiment import Experiment


@dataclass(frozen=True)
class Seen:
    """An experiment that has no errors, as far as it is known.

    Attributes:
        data: None where the data is too large to be looked at whole (`check`): `train` says the rest.
    """

    experiment: Experiment
    model: LayerGraph
    objective: Objective
    data: Data | None


Check = Callable[[Seen], Iterator[Problem]]
