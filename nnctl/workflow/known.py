"""An experiment held against its data, as far as that was read: one way for `train`, `plan` and `check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnctl.core.errors import Problem
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Signature
from nnctl.data.head import Head
from nnctl.data.open import Data
from nnctl.data.spec import DataSpec
from nnctl.graph.build import build
from nnctl.graph.compile import compile_partly
from nnctl.graph.indices import check_computed_indices, check_table_sizes
from nnctl.graph.lengths import (
    GivenShapes,
    check_lengths,
    check_steps_of_targets,
    check_targets_of_buckets,
    given_shapes,
)
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.objective import Objective
from nnctl.graph.targets import label_problems, shape_problems, with_own_lengths
from nnctl.graph.units import with_own_units
from nnctl.graph.weighing import weight_problems, weight_shapes, with_weight_axes
from nnctl.spec.load import LoadedExperiment
from nnctl.warnings.base import Seen
from nnctl.warnings.table import warnings_of
from nnctl.workflow.batch_reader import make_reader
from nnctl.workflow.callbacks import check_callbacks
from nnctl.workflow.expectable import expectation_problems
from nnctl.workflow.placed import collected, placed_warnings


@record
class KnownData:
    """What is known of an experiment's data.

    Attributes:
        data: The rows that were read; where there are others, all of them are taken for training.
        whole: Whether these are all rows.
        inputs: Shape and type of the model's inputs; a width that depends on rows not read is None.
        targets: Shape and type of the targets by model output.
        class_names: The classes by output, where labels are words and all of them are known.
        shapes: What the data gives the model, in each split.
        splits: The splits that there are.
    """

    data: Data
    whole: bool
    inputs: Mapping[str, Signature]
    targets: Mapping[str, Signature]
    class_names: Mapping[str, Sequence[str]]
    shapes: Sequence[GivenShapes]
    splits: tuple[str, ...]

    @property
    def validation(self) -> bool:
        """Whether there is a validation split."""
        return "validation" in self.splits

    def has_classes_of(self, objective: Objective) -> bool:
        """Whether no class is left that only rows not read might have."""
        names = self.data.class_names
        wanted = {o.output: o.target.classes or 0 for o in objective.outputs if o.output in names}
        return self.whole or all(len(names[output]) >= count for output, count in wanted.items())


def whole(data: Data) -> KnownData:
    """Data of which every row was read."""
    splits = [split for split in (data.train, data.validation, data.test) if split is not None]
    shapes = [given for split in splits for given in given_shapes(split, f"the {split.name} split of ")]
    there = tuple(split.name for split in splits)
    return KnownData(data, True, data.inputs, data.targets, data.class_names, shapes, there)


def part(spec: DataSpec, seen: Head) -> KnownData:
    """The head of a large file."""
    inputs, targets = ({n: s.shape for n, s in found.items()} for found in (seen.inputs, seen.targets))
    weights = weight_shapes(seen.data.train, seen.targets)
    shapes = [GivenShapes(inputs, targets, weights, "the data, which gives ")]
    split, sources = spec.split, {"validation": spec.validation, "test": spec.test}
    there = [n for n in sources if sources[n] is not None or (split and (split.by or getattr(split, n)))]
    there += ["test"] if split and split.folds else []
    return KnownData(seen.data, False, seen.inputs, seen.targets, {}, shapes, ("train", *there))


@record
class CheckedModel:
    """A model and an objective that go with the data; no model where a width is not known yet."""

    model: LayerGraph | None
    objective: Objective
    warnings: tuple[Problem, ...]
    """What is legal and surely a mistake, placed."""


def check_against(loaded: LoadedExperiment, known: KnownData) -> CheckedModel:
    """Build the model on what is known of the data, and hold the two against each other.

    A check that fails stops only those that build on what it found wrong, so that problems of shapes,
    losses, labels, class weights and callbacks come together.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
    """
    experiment, data = loaded.experiment, known.data
    unknown = not known.whole and any(None in s.shape for s in known.inputs.values())
    if unknown and not experiment.model.inputs:
        return CheckedModel(None, Objective(()), placed_warnings(loaded, data.warnings))
    problems: list[Problem] = []
    model, objective, complete = _modelled(loaded, known, problems)
    if model is not None and not loaded.unknown:
        optimizer = experiment.training.optimizer
        problems += [p.below(("training", "optimizer")) for p in optimizer.problems(list(model.weights))]
        shapes = shape_problems(objective, model, known.targets, known.class_names)
        problems += shapes
        if not shapes:
            weighing = weight_problems(objective, weight_shapes(data.train, known.targets))
            problems += weighing
            with collected(problems):
                check_targets_of_buckets(objective, data.train)
                if not weighing:
                    check_lengths(model, objective, known.shapes)
                for split in (data.train, data.validation, data.test) if known.whole else ():
                    if split is not None:
                        check_steps_of_targets(model, objective, split)
            problems += label_problems(objective, model, data)
            if complete and known.has_classes_of(objective):
                with collected(problems):
                    make_reader(data.train, data, objective, experiment.training.class_weight)
        with collected(problems):
            check_table_sizes(model, data)
        with collected(problems):
            check_computed_indices(model)
    if model is not None and complete:
        problems += expectation_problems(loaded, model, objective, known.splits)
    with collected(problems):
        check_callbacks(loaded, objective, known.validation, complete, None if loaded.unknown else model)
    if problems or model is None:
        raise loaded.fail(problems)
    seen = Seen(experiment, model, objective, data if known.whole else None)
    return CheckedModel(model, objective, placed_warnings(loaded, [*data.warnings, *warnings_of(seen)]))


def _modelled(
    loaded: LoadedExperiment, known: KnownData, problems: list[Problem]
) -> tuple[LayerGraph | None, Objective, bool]:
    """The model on these inputs, what fits of its objective, and whether all of it does.

    What is wrong is added to `problems`. Where entries of the model are unknown there is no objective.
    """
    experiment, model = loaded.experiment, None
    with collected(problems):
        signature = {name: InputInfo(s.shape, s.dtype) for name, s in known.inputs.items()}
        model = build(experiment.model, signature, loaded.unknown)
    if model is None or loaded.unknown:
        return model, Objective(()), False
    weighing = experiment.data.sample_weight
    objective, misfits = compile_partly(experiment.training, model, sample_weight=weighing)
    problems += misfits
    objective = with_own_lengths(objective, {name: s.shape for name, s in known.targets.items()})
    prepared = known.data.preprocessing
    objective = with_weight_axes(objective, prepared.weight_axes, experiment.training.class_weight)
    return model, with_own_units(objective, model, prepared.targets), not misfits
