"""Keras's own files: configs, archives, and the names and order in which Keras keeps weights.

No Keras is needed for it, and no layer is known by name.
"""
