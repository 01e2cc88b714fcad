"""The first values of weights in Keras's words: a function of shape, type and key.

An initializer never draws from a generator with a state: another layer disturbs no draw.
"""
