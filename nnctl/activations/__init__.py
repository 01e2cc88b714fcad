"""Activations in Keras's words: a value and its slope, or a composition of ops.

An activation never holds weights; one that does is a layer.
"""
