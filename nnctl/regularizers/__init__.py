"""Penalties on weights and outputs in Keras's words, composed of ops.

A regularizer never changes what it looks at: it adds to the loss.
"""
