"""Layers in Keras's words, near relatives in one file: the fields are the config, `call` composes ops.

A layer never holds an array, calls no kernel, and is known by name to nothing outside its own file.
"""
