"""Bytes on disk: all changes of the disk in one class, files that appear whole, HDF5 written and read safely.

Nothing here knows what a run, a model or a layer is.
"""
