"""The layer graph: layers called in order, shapes, masks and weights, and what data must look like.

No array is made here; problems are told with the place in the config.
"""
