"""Holding the buckets of a config against its sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnctl.core.errors import Problem
from nnctl.core.shapes import show
from nnctl.data.columns.roles import Wanted
from nnctl.data.preprocessing import InputPrep
from nnctl.data.spec import DataSpec


def bucket_problems(spec: DataSpec, inputs: Mapping[str, InputPrep], wanted: Wanted) -> Iterator[Problem]:
    """What keeps the config's buckets from being made of what the model reads."""
    if spec.batching is None:
        return
    path = ("data", "batching", "bucket_boundaries")
    found = {name: prep.sequence for name, prep in inputs.items()}
    lengths = [sequence.length or 0 for sequence in found.values() if sequence is not None]
    if not lengths:
        yield Problem(
            "no input holds sequences, which buckets are made of",
            path,
            "a column of `type: sequence`, or of texts as numbers of tokens, in an input of its own",
        )
        return
    said = [c.maxlen or c.output_sequence_length for c in spec.columns.values()]
    last = spec.boundaries[-1]
    if last > max(lengths) and all(length in said for length in lengths):
        yield Problem(
            f"no sequence has {last} steps or more, since they are cut to {max(lengths)}",
            (*path, len(spec.boundaries) - 1),
            f"boundaries up to {max(lengths)}",
        )
    for name, sequence in found.items():
        declared = wanted.inputs.get(name)
        if sequence is not None and declared and declared[0] is not None:
            yield Problem(
                f"input '{name}' has the shape {show(declared)}, but batches of a bucket are shorter",
                ("model", "inputs", name),
                f"shape: {show((None, *declared[1:]))}",
            )


def with_own_length(prep: InputPrep) -> InputPrep:
    """An input of sequences whose length varies with the batch; another as it is."""
    if prep.sequence is None:
        return prep
    return prep.model_copy(update={"shape": (None, *prep.shape[1:])})
