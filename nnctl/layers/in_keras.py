"""What Keras's files have to know of a layer besides its fields, to write it and to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from nnctl.core.records import record


@record
class InKeras:
    """Where Keras keeps a layer's weights, and how it calls the layer; the default is that of most layers.

    A layer that holds others says these by `Layer.children`; here stands what is true of itself only.

    Attributes:
        parts: The group, below the layer's own in a weights file, of the weights that belong to a part of it.
            A part is what stands before a weight's name ("query" of "query/kernel"; "" for weights without
            one). A group that no line names has the part's name.
        keeps: Weights of the layers that it holds which it has in its own group as well, before its own.
        configured: Weights that Keras has as arguments in the config, and not in the file of weights.
        arguments: The arguments of Keras's call that take one input each, in the order of the inputs. Where
            none is named, one input is the call's first argument, and several are a list in its place.
        rest: The argument that takes the inputs after those of `arguments`, as a list.
        mask: The argument that takes the first input's mask. Keras finds it by itself for a call with one
            argument only (keras.src.layers.layer.Layer.__call__, step 6).
        takes_masks: Whether Keras's call takes the masks off the tensors that it reads, so that whoever reads
            them after it finds none.
        lacks: What every layer says of itself and Keras's class does not take.
        not_in_exports: Why a model with the layer is not written for Keras, if it is not.
        not_in_imports: Why a model of Keras 3 with the layer is not read, if it is not.
        told_in_imports: What the layer does otherwise than Keras's, which whoever imports a model is told.
        class_name: What Keras's class is called in its own source, where that is not its public name.
    """

    parts: Mapping[str, str] = field(default_factory=dict)
    keeps: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    rest: str | None = None
    mask: str | None = None
    takes_masks: bool = False
    not_in_exports: str | None = None
    not_in_imports: str | None = None
    told_in_imports: str | None = None
    lacks: tuple[str, ...] = ()
    class_name: str | None = None
