"""Runs on disk: the run directory, its manifest and lock, and the checkpoint store.

Nothing here knows a layer: weights are arrays by name.
"""
