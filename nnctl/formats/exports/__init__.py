"""The export formats, a file each: what it writes of a trained model, registered by name.

A format never asks which layer it has before it: layers say what they are called elsewhere.
"""
