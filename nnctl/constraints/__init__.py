"""What a weight satisfies after each update, in Keras's words.

A constraint never adds to the loss: it changes the weight itself.
"""
