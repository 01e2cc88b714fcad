"""Columns as examples: prepared as was fitted, windowed, put in order, read into the arrays of a batch.

Nothing here is fitted: the same arithmetic serves every split and command.
"""
