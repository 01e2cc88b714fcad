"""The loops of training, evaluation and prediction; training is a generator of events.

It never prints and never opens a file: who reads the events does.
"""
