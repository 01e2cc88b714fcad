"""The formats of predictions, a file each, chosen by the ending of the output's name.

A format never holds all predictions: they come block by block.
"""
