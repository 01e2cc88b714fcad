"""Numba functions on arrays, and what compiles them and keeps them compiled.

A kernel allocates nothing and returns nothing, writes its last arguments, and never knows which op runs it.
"""
