"""Callbacks in Keras's words, one file each: they read events and may answer with a request.

A callback never reaches into the loop, and remembers only what JSON can hold.
"""
