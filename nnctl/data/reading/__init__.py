"""From bytes to columns: text, arrays and HDF5 files, read within bounds on what a file may expand to.

Nothing here knows what a column is used for.
"""
