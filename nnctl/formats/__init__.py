"""Models and predictions in the formats of others, and what these formats share.

Nothing that a file says is ever executed.
"""
