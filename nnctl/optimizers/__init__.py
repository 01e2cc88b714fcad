"""Optimizers in Keras's words: their slots, their numbers per step, and one update of all weights.

An optimizer never sees a layer or a single weight: weights, gradients and slots are flat.
"""
