"""What the training rows say about each column: means, ranges, classes.

Nothing here sees a row of another split.
"""
