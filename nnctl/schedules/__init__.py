"""Learning rate schedules in Keras's words: the rate as a function of the step.

A schedule never keeps a state: a resumed run has the rate of its step.
"""
