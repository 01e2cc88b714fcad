"""What is surely a mistake in how a config uses its columns: one function per warning.

A warning never refuses anything, and says nothing that depends on rows which were not read.
"""
