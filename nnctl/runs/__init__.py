"""Runs on disk: the run directory, its manifest and lock, and the checkpoint store."""
