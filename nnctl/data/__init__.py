"""From a data source's files to batches: reading, columns, splitting, fitting and feeding have a room each.

Nothing here knows a model: what one asks of its data is a value (`Wanted`).
"""
