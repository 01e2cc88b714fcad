"""`check`: everything that can be known to be wrong without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError
from nnctl.data.dataset import Signature
from nnctl.data.head import Head, head
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.graph.targets import check_shapes
from nnctl.graph.wanted import data_arguments
from nnctl.spec.load import Loaded
from nnctl.workflow.assemble import assemble_data, load_experiment, placed
from nnctl.workflow.callbacks import check_callbacks
from nnctl.workflow.split import make_split
from nnctl.workflow.train import initial_weights


def check(
    config: Path, *, overrides: Sequence[str] = (), seed: int | None = None, allow_plugins: bool = False
) -> dict[str, Any]:
    """Check a config; a summary of what it would train.

    Raises:
        ConfigError: everything that is wrong, placed in the file.
        DataError: the data cannot be used.
    """
    loaded = load_experiment(config, overrides, seed, allow_plugins)
    experiment = loaded.experiment
    with placed(loaded):
        look = head(
            experiment.data,
            loaded.directory,
            seed=experiment.seed,
            **data_arguments(experiment),
        )
    if look.data is not None:
        # A small file was read whole: nothing is left to guess.
        assembled = assemble_data(loaded, look.data)
        check_callbacks(assembled.loaded, assembled.objective, assembled.data.validation is not None)
        with placed(loaded):
            make_split(look.data.train, look.data, assembled.objective, experiment.training.class_weight)
        initial_weights(assembled)
        assembled.fits(len(experiment.training.optimizer.slots()))
        return _summary(loaded, look, assembled.model)
    return _summary(loaded, look, _partly(loaded, look))


def _partly(loaded: Loaded, look: Head) -> LayerGraph | None:
    """Check the model against the head of a large file; None where a width is not known before it is read."""
    experiment = loaded.experiment
    if any(_unknown(s) for s in look.inputs.values()) and not experiment.model.inputs:
        return None
    with placed(loaded):
        model = build(experiment.model, {n: InputInfo(s.shape, s.dtype) for n, s in look.inputs.items()})
        weighted = experiment.data.sample_weight is not None
        objective = compile_objective(experiment.training, model, sample_weight=weighted)
        problems = check_shapes(objective, model, look.targets, {})
        if problems:
            raise ConfigError(problems)
    validation = experiment.data.validation is not None or bool(
        experiment.data.split and (experiment.data.split.validation or experiment.data.split.by)
    )
    check_callbacks(loaded, objective, validation)
    return model


def _unknown(signature: Signature) -> bool:
    return bool(signature.shape) and signature.shape[-1] is None


def _summary(loaded: Loaded, look: Head, model: LayerGraph | None) -> dict[str, Any]:
    sizes = ", ".join(f"{count} {name}" for name, count in look.sizes.items())
    rows = f"{look.rows} rows" if look.rows is not None else "rows not counted"
    parameters = sum(model.parameters()) if model else None
    shown = f"{parameters:,} parameters" if parameters is not None else "parameters depend on rows not read"
    return {
        "config": str(loaded.file),
        "valid": True,
        "name": loaded.experiment.name,
        "parameters": parameters,
        "rows": look.rows,
        "sizes": look.sizes,
        "inputs": {n: list(s.shape) for n, s in look.inputs.items()},
        "targets": {n: list(s.shape) for n, s in look.targets.items()},
        "summary": f"ok: {shown}, {sizes or rows}",
    }
