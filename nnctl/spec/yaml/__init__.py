"""YAML text to nodes that know where they were written, and plain data back to YAML text.

Nothing here knows the language: a key is a key.
"""
