"""Normalizations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import Reading, Unread, reads


@reads("BatchNormalization")
def batch_normalization(r: Reading, node: FileNode) -> None:
    """By the statistics of training; channels are the file's second axis."""
    flow = r.flow(node)
    if node.get("training_mode", 0):
        raise Unread("it works as while training", "a model in evaluation")
    if flow.rank < 2:
        raise Unread("its input has no channels")
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    weights = {name: r.need_constant(node, at, name) for at, name in enumerate(names, 1)}
    here = flow.axes[1]
    if not here:
        flow = r.channels_last(flow)
        here = flow.axes[1]
    if flow.order is not None:
        weights = {name: array[flow.order] for name, array in weights.items()}
    fields = {"epsilon": float(str(np.float32(node.get("epsilon", 1e-5))))}
    fields |= {"momentum": float(str(np.float32(node.get("momentum", 0.9))))}
    axis = {} if here == len(flow.shape) else {"axis": here}
    made = r.layer("BatchNormalization", [flow], r.owner(node, 1), weights, **axis, **fields)
    r.give(node, r.like(made, flow))


@reads("LayerNormalization")
def layer_normalization(r: Reading, node: FileNode) -> None:
    """Along the last axis."""
    flow = r.flow(node)
    if node.get("axis", -1) % flow.rank != flow.rank - 1:
        raise Unread("it works along several axes", "the last one")
    if flow.axes[-1] != len(flow.shape) or flow.order is not None:
        flow = r.plain(flow)
    weights = {"gamma": r.need_constant(node, 1, "factor")}
    if r.input(node, 2):
        weights["beta"] = r.need_constant(node, 2, "summand")
    fields = {"epsilon": float(str(np.float32(node.get("epsilon", 1e-5))))}
    more = {} if "beta" in weights else {"center": False}
    made = r.layer("LayerNormalization", [flow], r.owner(node, 1), weights, **fields, **more)
    r.give(node, replace(made, axes=flow.axes))


@reads("InstanceNormalization")
def instance_normalization(r: Reading, node: FileNode) -> None:
    """Of each channel of each example."""
    flow = r.channels_last(r.flow(node))
    weights = {name: r.need_constant(node, at, name) for at, name in ((1, "gamma"), (2, "beta"))}
    fields = {"groups": -1, "epsilon": float(str(np.float32(node.get("epsilon", 1e-5))))}
    made = r.layer("GroupNormalization", [flow], r.owner(node, 1), weights, **fields)
    r.give(node, replace(made, axes=flow.axes))
