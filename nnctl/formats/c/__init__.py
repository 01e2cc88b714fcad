"""C99: a model's prediction as one file that needs nothing but a C library.

Nothing here asks which layer an op was made for, and no number is worked out in another order than by the
kernels.
"""
