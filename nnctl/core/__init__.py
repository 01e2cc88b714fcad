"""What every package may need: types, errors, events, registries, keys of random numbers.

It imports nothing else of nnctl and knows no package above it.
"""
