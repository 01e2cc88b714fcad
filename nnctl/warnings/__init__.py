"""What is legal and surely a mistake in a model and its objective: one function per warning.

A warning never refuses anything; columns of data have warnings of their own in `data`.
"""
