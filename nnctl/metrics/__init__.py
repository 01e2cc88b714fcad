"""Metrics in Keras's words: a running state, how a batch is added to it, and the result.

A metric never keeps examples, so that its state is small and a checkpoint can hold it.
"""
