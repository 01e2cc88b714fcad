"""A model of Keras read: its JSON becomes a `model` section, its files of weights the model's weights.

Keras is never imported. A closed table (nnctl's own registries) says which class is which; modules,
functions and
paths that a file names are not followed.
"""
