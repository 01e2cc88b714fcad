"""The data sources of the language, one file each: the fields of a config and how the columns are read.

A module here that registers no source is out of place; what sources share is in `reading`.
"""
