"""What outputs stand for: the target's name, classes, the data's own units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nnctl.data.preprocessing import Preprocessing
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.crossentropy import BinaryCrossentropy

GIVEN = "_given"
"""What stands behind the name of a column that is carried over, where the predictions have that name too."""


def target_names(outputs: Iterable[str], preprocessing: Preprocessing) -> dict[str, str]:
    """The column that each output was trained towards; its own name where there are several, or none."""
    names = {}
    for output in outputs:
        target = preprocessing.targets.get(output)
        names[output] = next(iter(target.columns)) if target and len(target.columns) == 1 else output
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    return {output: output if name in twice else name for output, name in names.items()}


def class_names(objective: Objective, preprocessing: Preprocessing) -> dict[str, tuple[str, ...]]:
    """The classes of each output that tells them apart; numbered where they have no names."""
    names = {}
    for output in objective.outputs:
        if is_binary(preprocessing, output):
            names[output.output] = preprocessing.class_names[output.output]
        kind, classes = output.target.kind, output.target.classes
        if kind in ("classes", "onehot") and classes is not None:
            given = preprocessing.targets[output.output].class_names
            names[output.output] = given or tuple(str(i) for i in range(classes))
    return names


def is_binary(preprocessing: Preprocessing, output: OutputObjective) -> bool:
    """Whether an output of one number tells two named classes apart, by the second one's probability."""
    named = preprocessing.class_names.get(output.output, ())
    return len(named) == 2 and output.shape == (1,) and type(output.loss) is BinaryCrossentropy


def gives_logits(output: OutputObjective) -> bool:
    """Whether its loss takes logits, so that its probabilities are to be made of them."""
    return bool(getattr(output.loss, "from_logits", False))
