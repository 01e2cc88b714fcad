"""Losses in Keras's words: what a loss wants of the target, and one number per example, composed of ops.

A loss never sums over the batch, nor weighs or masks: that is done in one place for all of them.
"""
