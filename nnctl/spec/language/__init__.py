"""The language itself: the sections of an experiment as models, and how their types and names are walked.

Nothing here reads a text or says what is wrong with one.
"""
