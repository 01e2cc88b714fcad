"""What a user may write: YAML read with positions, overrides, the experiment's models, messages, JSON Schema.

Nothing here opens data, builds a graph or imports Numba.
"""
