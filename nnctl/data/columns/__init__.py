"""Which column goes where: a config's names held against the columns that a source has; times as numbers.

Nothing here reads a file or learns anything from the values.
"""
